"""`python -m csatlib` is the command `csat`."""

from csatlib.cli import app

if __name__ == "__main__":
    app(prog_name="csat")
