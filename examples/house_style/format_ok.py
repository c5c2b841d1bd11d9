"""Share of predictions that keep to the Tarrowmouth house format."""

import re

import datasets
import evaluate

_DESCRIPTION = (
    "Share of predictions that are one line in the house format of the "
    "fictional Tarrowmouth Harbour Office: "
    "`tag time @place | who > what | next: actor, step`. "
    "It looks at the form only, not at whether the facts are right."
)

_INPUTS_DESCRIPTION = """
Args:
    predictions (list of str): the lines the model wrote.
    references (list of str): the expected lines. They are not looked at.
Returns:
    format_ok (float): share of predictions, 0 to 1, that match the format.
"""

_UNIT = (
    r"(?:mm|cm|m|km|nm|mi|ft|in|fm|kn|kg|t|l|s|min|h|d|wk|y|c|mb|cr|deg|%"
    r"|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)"
)
_TIME = r"(?:~?(?:[01][0-9]|2[0-3])[0-5][0-9]|----)"
_PLACE = r"@(?:(?:nq|sq)(?:1[0-2]|[1-9])?|pool(?:20|1[0-9]|[1-9])?|slip|mole|bar|shed|hall|off|out|--)"
_VESSEL = r"\*[a-z]+(?:-[a-z]+)*"
_BERTH = r"(?:nq|sq|pool)[0-9]{1,2}"
_NUMBER = r"~?-?[0-9]+(?:\.[0-9]+)?" + _UNIT + r"?"
_WORD = r"(?:[a-z]+|" + _VESSEL + "|" + _BERTH + "|" + _NUMBER + ")"
_RUN = _WORD + r"(?: (?:\+ )?" + _WORD + ")*"
_PLAIN = r"(?:[a-z]+|" + _VESSEL + ")"
_WHO = _PLAIN + r"(?: (?:\+ )?" + _PLAIN + "){0,4}"
_ACTOR = r"[a-z]+(?: [a-z]+){0,2}"

# Articles, pronouns, helper verbs, "and" and spelt-out numbers never appear.
_BANNED = (
    r"(?:a|an|the|and|i|me|my|we|us|our|you|your|he|him|his|she|her|it|its"
    r"|they|them|their|own|is|are|was|were|be|been|has|have|had|will"
    r"|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)"
)
# A unit is never spelt out after a number, nor set apart from it.
_LOOSE_UNIT = (
    r"[0-9] (?:metres?|meters?|miles?|feet|foot|fathoms?|knots?|kilos?|tonnes?"
    r"|litres?|liters?|seconds?|minutes?|hours?|days?|weeks?|years?|degrees?"
    r"|crowns?|percent|mm|cm|m|km|nm|mi|ft|kn|kg|t|l|min|h|c|mb|cr|deg)"
)

HOUSE_FORMAT = re.compile(
    r"(?=\S+(?: \S+){11,29}\Z)"
    r"(?!.*(?<![^ ])" + _BANNED + r"(?![^ ,]))"
    r"(?!.*" + _LOOSE_UNIT + r"(?![^ ,]))"
    r"(?:move|gear|load|harm|sky|gripe) " + _TIME + " " + _PLACE + r" \| "
    + _WHO + " > " + _RUN + "(?:, " + _RUN + r")? \| "
    + "next: (?:none|" + _ACTOR + ", " + _RUN + r")\Z"
)  # fmt: skip


class FormatOk(evaluate.Metric):
    """The share of predictions in the house format."""

    def _info(self):
        return evaluate.MetricInfo(
            description=_DESCRIPTION,
            citation="",
            inputs_description=_INPUTS_DESCRIPTION,
            features=datasets.Features(
                {
                    "predictions": datasets.Value("string"),
                    "references": datasets.Value("string"),
                }
            ),
        )

    def _compute(self, predictions, references):
        good = sum(bool(HOUSE_FORMAT.match(text.strip())) for text in predictions)
        return {"format_ok": good / len(predictions) if predictions else 0.0}
