"""The command `csat`: check a company's data, run the notebooks of a project, start a new one."""

from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.table import Table

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)

WRONG_USE = 2
JOBS_FAILED = 1
ALERTED = 3
INTERRUPTED = 130  # what shells expect after Ctrl-C
ROWS_REJECTED = 1
COLOURS = {"error": "bold red", "warning": "yellow", "note": "cyan"}


@app.callback()
def main() -> None:
    """Customer-satisfaction notebooks: from records to decisions."""


@app.command()
def run(
    config: Annotated[
        str, typer.Option(help="Settings file, looked for here and in parent folders.")
    ] = "csat.toml",
    period: Annotated[str | None, typer.Option(help="2026-10, 2026-Q3 or 2026; default: last month.")] = None,
    last: Annotated[int | None, typer.Option(help="The last N months.")] = None,
    each: Annotated[str | None, typer.Option(help="A column: also one report per value.")] = None,
    only: Annotated[str | None, typer.Option(help="Notebooks whose name matches, like '1*'.")] = None,
    jobs: Annotated[int | None, typer.Option(help="Notebooks at a time; default: by the machine.")] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", help="name=value, for a parameter.")] = None,
    force: Annotated[bool, typer.Option(help="Run also what has not changed.")] = False,
    out: Annotated[Path | None, typer.Option(help="Output folder instead of the settings'.")] = None,
    language: Annotated[str | None, typer.Option(help="Only this language; default: all of csat.toml.")] = None,
    memory: Annotated[int | None, typer.Option(help="MB of memory after which a kernel is ended (Linux).")] = None,
    fail_on_alert: Annotated[
        bool, typer.Option("--fail-on-alert", help="Exit status 3 where a figure is beyond target or limit.")
    ] = False,
    log: Annotated[str, typer.Option(help="text, or json: one object a line.")] = "text",
    cold: Annotated[bool, typer.Option("--cold", help="Start every kernel anew instead of forking it.")] = False,
    backend: Annotated[str | None, typer.Option(help="dask://host:port: run on the workers of a cluster.")] = None,
) -> None:
    """Run the notebooks and publish their reports; the last line is the page to open.

    Exit status: 0 all well, 1 a report failed, 2 nothing was started, 3 alerts with --fail-on-alert, 130
    interrupted.
    """
    from csatlib.publish import progress as reporting
    from csatlib.publish import run as runner

    try:
        if log not in reporting.LOGS:
            raise ValueError(f"--log is one of {', '.join(reporting.LOGS)}, got {log!r}")
        with reporting.shown(log, typer.echo) as progress:
            result = runner.run(
                config,
                period=period,
                last=last,
                each=each,
                only=only,
                jobs=jobs,
                set=_settings(set_ or []),
                force=force,
                out=out,
                language=language,
                cold=cold,
                memory=memory,
                backend=backend,
                progress=progress,
            )
    except (ValueError, LookupError, OSError, ImportError) as error:
        _refuse(error)
    except KeyboardInterrupt:
        typer.echo("csat: interrupted; finished reports stay, the same command goes on from there", err=True)
        raise typer.Exit(INTERRUPTED) from None
    reporting.closing(result, log, typer.echo)
    if log == "text":
        typer.echo(_short(result.index))
    if result.failed:
        raise typer.Exit(JOBS_FAILED)
    if fail_on_alert and result.alerts:
        raise typer.Exit(ALERTED)


@app.command()
def verify(
    period: Annotated[str | None, typer.Argument(help="2026-10, 2026-Q3 or 2026; default: all.")] = None,
    config: Annotated[
        str, typer.Option(help="Settings file, looked for here and in parent folders.")
    ] = "csat.toml",
    out: Annotated[Path | None, typer.Option(help="Output folder instead of the settings'.")] = None,
    jobs: Annotated[int | None, typer.Option(help="Notebooks at a time; default: by the machine.")] = None,
) -> None:
    """Run published reports again from their snapshots and tell whether the figures reproduce.

    Exit status: 0 all reproduced, 1 some differ or cannot be run again, 2 nothing to verify.
    """
    from csatlib.publish import verify as verifier

    def told(verified) -> None:
        typer.echo(f"{verified.status} {verified.job}: {verified.reason}")

    try:
        found = verifier.verify(config, period=period, out=out, jobs=jobs, progress=told)
    except (ValueError, LookupError, OSError, ImportError) as error:
        _refuse(error)
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None
    typer.echo(_summary(found, ("reproduced", "differs", "cannot")))
    if any(verified.status != "reproduced" for verified in found):
        raise typer.Exit(JOBS_FAILED)


@app.command()
def release(
    period: Annotated[str, typer.Argument(help="2026-10, 2026-Q3 or 2026: a period that has been run.")],
    by: Annotated[str, typer.Option(help="Name of who answers for the figures.")],
    config: Annotated[
        str, typer.Option(help="Settings file, looked for here and in parent folders.")
    ] = "csat.toml",
    out: Annotated[Path | None, typer.Option(help="Output folder instead of the settings'.")] = None,
) -> None:
    """Freeze a period's reports: later runs never replace them, late answers appear as a restatement."""
    from csatlib.publish import release as releases

    try:
        entry = releases.release(config, period, by=by, out=out)
    except (ValueError, LookupError, OSError, ImportError) as error:
        _refuse(error)
    rows = ", ".join(f"{table} {count:,}" for table, count in entry["rows"].items())
    typer.echo(f"released: {entry['released']}, by {entry['by']}, {entry['at']}; {len(entry['files'])} files")
    typer.echo(f"data as read: {rows}; snapshot {entry['snapshot'][:12]}")
    typer.echo("the index says so; a comment goes into notes/PERIOD.md, and csat run shows it")


@app.command()
def share(
    period: Annotated[str, typer.Argument(help="2026-10, 2026-Q3 or 2026: a period that has been run.")],
    config: Annotated[
        str, typer.Option(help="Settings file, looked for here and in parent folders.")
    ] = "csat.toml",
    out: Annotated[Path | None, typer.Option(help="Output folder instead of the settings'.")] = None,
    pdf: Annotated[bool, typer.Option(help="Make PDF, and a long picture of the executive page.")] = True,
) -> None:
    """Zip a period's reports under 10 MB to send: HTML, XLSX, PDF and picture, nothing restricted."""
    from csatlib.publish import share as shares

    try:
        path = shares.share(config, period, out=out, printed=pdf)
    except (ValueError, LookupError, OSError, ImportError) as error:
        _refuse(error)
    for name in shares.left_out(path):
        typer.echo(f"left out, for want of room: {name}")
    typer.echo(f"{_short(path)} ({path.stat().st_size / 1e6:.1f} MB)")


@app.command()
def check(
    config: Annotated[
        str, typer.Option(help="Settings file, looked for here and in parent folders.")
    ] = "csat.toml",
) -> None:
    """Check the data: every problem of every table at once, and which notebooks can run.

    Exit status: 0 nothing was rejected, 1 rows were rejected, 2 settings or tables cannot be read.
    """
    from csatlib.publish import check as checker

    try:
        checked = checker.check(config)
    except (ValueError, LookupError, OSError, ImportError) as error:
        _refuse(error)
    console = Console()
    typer.echo(f"settings: {_short(checked.settings)}\n")
    _print_counts(console, checked.counts.rename(columns=checker.COUNTS))
    for table, reading in checked.readings.items():
        typer.echo(f"{table} read as {reading}")
    typer.echo("")
    for severity, text in checker.problem_lines(checked.problems):
        console.print(f"{severity}  ", style=COLOURS[severity], end="", soft_wrap=True)
        console.print(text, markup=False, highlight=False, soft_wrap=True)
    typer.echo("\nnotebooks")
    for line in checker.notebook_lines(checked.lacking):
        typer.echo(f"  {line}")
    if checked.rejected:
        typer.echo(f"\nrejected rows, each with its reasons: {_short(checked.rejected)}")
    typer.echo(f"\n{checker.verdict(checked)}")
    if checked.rejected:
        raise typer.Exit(ROWS_REJECTED)


@app.command()
def init(
    files: Annotated[list[Path], typer.Argument(help="Raw exports in one folder: CSV, XLSX, SPSS, Parquet.")],
    config: Annotated[str, typer.Option(help="Settings file to write.")] = "csat.toml",
    update: Annotated[bool, typer.Option("--update", help="Add to the file; what stands there stays.")] = False,
) -> None:
    """Guess the settings for raw exports: a commented csat.toml to read through."""
    from csatlib.tables import draft

    try:
        told = draft.init(files, config=config, keep=update)
    except (ValueError, LookupError, OSError, ImportError) as error:
        _refuse(error)
    typer.echo(f"{'updated' if update else 'written'}: {_short(Path(config).resolve())}")
    for line in told:
        typer.echo(f"- {line}")
    typer.echo("next: read the file through, then csat check, then csat run --set by=COLUMN (a column of groups)")


@app.command()
def new(
    name: Annotated[str, typer.Argument(help="Number and topic, like 21_wait_times.")],
    config: Annotated[
        str, typer.Option(help="Settings file, looked for here and in parent folders.")
    ] = "csat.toml",
) -> None:
    """Start an analysis: a notebook skeleton and a test that fails until it is filled."""
    from csatlib.publish import skeleton
    from csatlib.tables import config as settings_file

    try:
        project = settings_file.find(config).parent
        notebook, test = skeleton.create(project, name)
    except (ValueError, OSError) as error:
        _refuse(error)
    topic = name[3:]
    typer.echo(f"written: {_short(notebook)} and {_short(test)}")
    typer.echo(
        f"next: 1. the question in the notebook's first line and the computation in csatlib/{topic}.py, "
        f"2. {_short(test)} until it passes, 3. a row in the README's table: "
        f"| [{name}](notebooks/{name}.ipynb) | the question | `csatlib.{topic}` |"
    )


def _print_counts(console: Console, counts) -> None:
    """Print rows per table: ruled in a terminal, plain columns elsewhere."""
    texts = counts.map(lambda value: value if isinstance(value, str) else f"{value:,}")
    if not console.is_terminal:
        typer.echo(texts.to_string(index=False))
        return
    table = Table()
    for name in texts.columns:
        table.add_column(name, justify="left" if name == "table" else "right")
    for row in texts.itertuples(index=False):
        table.add_row(*row)
    console.print(table)


def _settings(pairs: list[str]) -> dict[str, str]:
    wrong = [pair for pair in pairs if not pair.partition("=")[0].strip().isidentifier() or "=" not in pair]
    if wrong:
        raise ValueError(f"--set takes name=value, like --set by=plan; got {', '.join(map(repr, wrong))}")
    return {name.strip(): value for name, _, value in (pair.partition("=") for pair in pairs)}


def _summary(outcomes, states) -> str:
    counts = [(state, sum(outcome.status == state for outcome in outcomes)) for state in states]
    return ", ".join(f"{count} {state}" for state, count in counts if count)


def _short(path: Path) -> str:
    here = Path.cwd().resolve()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def _refuse(error: Exception) -> NoReturn:
    message = error.args[0] if isinstance(error, KeyError) and error.args else error
    typer.echo(f"csat: {message}", err=True)
    raise typer.Exit(WRONG_USE)
