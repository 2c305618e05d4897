"""Survey quality: who answers, how carefully, and how far the answers can be trusted."""

from csatlib.survey.funnel_tables import funnel, represented
from csatlib.survey.invitations import broke_off, invited, with_invitation
from csatlib.survey.quality_flags import flagged
from csatlib.survey.quality_tables import AnswerQuality, answer_quality, staff_difference
from csatlib.survey.questionnaire_checks import questionnaire, questions
from csatlib.survey.sensitivity_tables import sensitivity, weightings

__all__ = [
    "AnswerQuality",
    "answer_quality",
    "broke_off",
    "flagged",
    "funnel",
    "invited",
    "questionnaire",
    "questions",
    "represented",
    "sensitivity",
    "staff_difference",
    "weightings",
    "with_invitation",
]
