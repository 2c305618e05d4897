"""What the sample company asks and records: the 22 statements and the columns of every table."""

from typing import NamedTuple

COMPANY = "Larkfield Telecom"

DIMENSIONS = {
    "tangibles": "Tangibles",
    "reliability": "Reliability",
    "responsiveness": "Responsiveness",
    "assurance": "Assurance",
    "empathy": "Empathy",
}


class Statement(NamedTuple):
    """One survey statement: answered twice, as what is expected (`e..`) and what is received (`p..`)."""

    item: str
    dimension: str
    label: str
    statement: str


ITEMS = (
    Statement("q01", "tangibles", "Modern network and equipment", "The network and home equipment are modern."),
    Statement("q02", "tangibles", "Inviting shops", "The shops are bright, tidy and pleasant to be in."),
    Statement("q03", "tangibles", "Neat shop staff and technicians", "Shop staff and technicians look neat."),
    Statement(
        "q04", "tangibles", "Clear bills, app and letters", "Bills, app pages and letters are easy to read."
    ),
    Statement("q05", "reliability", "Promised dates are kept", "When a date is promised, it is kept."),
    Statement(
        "q06",
        "reliability",
        "Sincere interest in solving problems",
        "When something goes wrong, the company truly wants to put it right.",
    ),
    Statement(
        "q07",
        "reliability",
        "Right the first time",
        "Installations and repairs are right the first time.",
    ),
    Statement("q08", "reliability", "Service at the agreed time", "Technicians come at the time agreed."),
    Statement("q09", "reliability", "Bills and records free of errors", "Bills and records contain no errors."),
    Statement(
        "q10",
        "responsiveness",
        "Says when work will be done",
        "Customers are told exactly when work will be done.",
    ),
    Statement("q11", "responsiveness", "Prompt service", "Customers get help promptly."),
    Statement("q12", "responsiveness", "Always willing to help", "Staff are always willing to help."),
    Statement(
        "q13",
        "responsiveness",
        "Never too busy to answer",
        "Staff are never too busy to answer a question.",
    ),
    Statement("q14", "assurance", "Staff inspire confidence", "The way staff act inspires confidence."),
    Statement(
        "q15",
        "assurance",
        "Safe payments and data",
        "Payments and personal data are safe with the company.",
    ),
    Statement("q16", "assurance", "Courteous staff", "Staff are courteous every time."),
    Statement("q17", "assurance", "Staff know the answers", "Staff know enough to answer questions."),
    Statement("q18", "empathy", "Individual attention", "The company gives each customer individual attention."),
    Statement("q19", "empathy", "Convenient hours", "Shops and hotline are open at convenient hours."),
    Statement("q20", "empathy", "Personal care by staff", "Staff take care of customers personally."),
    Statement(
        "q21",
        "empathy",
        "Customers' interests at heart",
        "The company recommends what is best for the customer, not what costs most.",
    ),
    Statement("q22", "empathy", "Understands specific needs", "Staff understand what each customer needs."),
)

REWORDED = {
    "q07": {
        "2025-Q2": "Installations and repairs are right the first time.",
        "2026-Q2": "Installations and repairs are right the first time, with no second visit needed.",
    }
}

_NUMBERS = [s.item[1:] for s in ITEMS]

COLUMNS = {
    "customers": (
        *("customer_id", "joined_on", "left_on", "region", "plan", "tier", "product", "age_band", "language"),
    ),
    "invitations": ("invitation_id", "customer_id", "sent_at", "channel", "survey", "contact_id"),
    "responses": (
        *("response_id", "customer_id", "invitation_id", "contact_id", "survey", "wave"),
        *("responded_at", "started_at", "region", "plan", "tier", "age_band", "weight"),
        *("overall", "nps", "ces"),
        *(f"e{k}" for k in _NUMBERS),
        *(f"p{k}" for k in _NUMBERS),
        *(f"points_{d}" for d in DIMENSIONS),
        "comment",
    ),
    "transactions": ("customer_id", "occurred_at", "kind", "amount"),
    "contacts": (
        *("contact_id", "customer_id", "case_id", "region", "touchpoint", "channel", "handled_by", "unit"),
        *("occurred_at", "wait_seconds", "resolved", "rating", "text"),
    ),
    "touchpoints": (
        *("touchpoint", "stage", "purpose", "role", "owner", "rater", "rater_side"),
        *("impact", "operational", "experience"),
    ),
    "complaints": (
        *("complaint_id", "customer_id", "region", "channel", "category", "urgency", "level", "owner"),
        *("promise_id", "text", "opened_at", "first_response_at", "resolved_at", "informed_at"),
        *("followed_up_at", "reopened", "rating_before", "rating_after", "compensation"),
        *("cause_1", "cause_2", "cause_3", "cause_4", "cause_5"),
    ),
    "promises": ("promise_id", "promise", "region", "unit", "customer_id", "due_at", "done_at"),
    "operations": ("unit", "period", "metric", "value", "numerator", "denominator"),
    "employees": ("unit", "period", "satisfaction", "n"),
    "targets": ("metric", "group", "period", "target", "source"),
    "actions": (
        *("action_id", "finding", "owner", "opened_on", "due_on", "status", "done_on", "expected", "cost"),
    ),
}
