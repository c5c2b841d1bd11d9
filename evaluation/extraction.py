"""The final answer in what a model said, for a lenient reading beside the strict one.

A strict reader takes the whole answer and calls "The answer is 12.25." wrong where 12.25 is asked for; one that stops at the first full
stop reads 12. Whole leaderboards were off for such reasons (the post-mortem on DROP, Hugging Face 2023). A lenient reader can be fooled,
too. So both are shown, and a note warns where they differ by more than ten points: then the method has a format problem, or the reader has.

The reader knows what *kind* of answer is asked for, from the reference, and never what it is:

    a number      "18", "$1,250", "-5", "12 %"      the number after the answer's mark, else the last number
    yes or no     "yes", "false"                    the first word after the mark, or of the answer
    a letter      "B"                               the letter after the mark, or at the beginning, or the last in brackets
    a text        anything else                     what follows the mark up to the sentence's end, else the first sentence

A mark is, best first: \\boxed{...}, <answer>...</answer>, JSON with a key such as "answer", "####" (GSM8K's form), "final answer:", and
"answer:" or "the answer is" in English and some other languages; of several of one kind the last. What a small model adds when it plays
both sides ("Question: ...") is cut off first, and so is <think>...</think>.
"""

from __future__ import annotations

import json
import re
from typing import Literal

from evaluation.base import MetricInfo, TextMetric, metrics
from evaluation.content import numbers, sentences
from evaluation.overlap import NORMAL_FORM, exact_match
from evaluation.text import unfenced

Kind = Literal["number", "yes or no", "letter", "text"]
LONGEST = 2_000
"""Characters in which a first sentence is looked for."""
YES_NO = frozenset({"yes", "no", "true", "false"})
KEYS = ("answer", "final_answer", "final answer", "result", "label")

_NUMBER = re.compile(r"(?<![\w.,])(?:(?<![^\s(\[$€£=:*])[-−])?[$€£]?(?:\d{1,3}(?:,\d{3})+(?![\d,])(?:\.\d+)?|\d+(?:[.,]\d+)?|\.\d+)")
_NUMERIC = re.compile(r"[-−+]?\s?[$€£¥]?\s?(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)\s?[%€£¥]?\.?")
_THOUGHT = re.compile(r"<think(?:ing)?>.*?(?:</think(?:ing)?>|\Z)", re.DOTALL | re.IGNORECASE)
_NEXT_TURN = re.compile(r"\n[ \t]*(?:question|q|user|human|input|instruction)\s*[:：]", re.IGNORECASE)
_TAG = re.compile(r"<answer>(.*?)(?:</answer>|\Z)", re.DOTALL | re.IGNORECASE)
_WORDS = r"(?:answer|antwort|réponse|respuesta|risposta|resposta|ответ|答案|答え|回答|정답|उत्तर|الجواب|الإجابة|คำตอบ)"
_IS = r"(?:\s*(?:[:：=]|->|→|是|は|는|은)|[^.\n:：=]{0,60}?\b(?:is|are|was|would be|should be|must be|lautet|ist|est|es|è|é)\b\s*[:：]?)"
_MARKS = (
    re.compile(r"####\s*"),
    re.compile(r"\bfinal\s+" + _WORDS + _IS + r"\s*", re.IGNORECASE),
    re.compile(r"(?:\b|(?<=[\u0600-\uffff]))" + _WORDS + _IS + r"\s*", re.IGNORECASE),
    re.compile(r"^[ \t]*A[ \t]*[:：]", re.MULTILINE),
)
_REASON = re.compile(r"\b(?:because|since|due to|given that|according to|based on|as stated)\b", re.IGNORECASE)
_EMPHASIS = re.compile(r"\*{2,3}|__|`+")
_LATEX = re.compile(r"\\(?:text|mathrm|mathbf|textbf)\s*\{([^{}]*)\}|\\[(\[)\]]|\\[,;!]")
_LIST_MARK = re.compile(r"^(?:[-*•>#]+\s+|\(?\d{1,2}[.)]\s+)")
_LEAD_IN = re.compile(r"^(?:sure|certainly|of course|okay|ok|great|here)\b[^:]{0,80}:$|^(?:sure|certainly|of course)[!.]$", re.IGNORECASE)
_LETTER = r"[(\[]?([A-Z])[)\]]?"
_LETTER_FIRST = re.compile(r"\W*(?:option|choice|letter)?\s*" + _LETTER + r"(?=$|[\s).:,\]])(?!\s+[a-z]+\s+[a-z])", re.IGNORECASE)
_LETTER_NAMED = re.compile(r"\b(?i:option|choice|letter)\s+" + _LETTER + r"\b|\(([A-Z])\)")


def kind_of(reference: str) -> Kind:
    """What kind of answer is asked for."""
    text = reference.strip()
    if _NUMERIC.fullmatch(text):
        return "number"
    if text.rstrip(".").lower() in YES_NO:
        return "yes or no"
    return "letter" if re.fullmatch(r"\(?[A-Z]\)?\.?", text) else "text"


def final_answer(answer: str, kind: Kind) -> str:
    """The part of the answer that answers; "" where there is none. A number comes without currency and thousands commas."""
    text = _NEXT_TURN.split(_THOUGHT.sub("", answer).strip())[0]
    marked = _marked(text)
    candidate = _EMPHASIS.sub("", _LATEX.sub(lambda found: found[1] or "", marked if marked is not None else text)).strip()
    if kind == "number":
        return _number(candidate, marked is not None)
    if kind == "letter":
        return _letter(candidate)
    first = _first_sentence(candidate)
    if kind == "yes or no":
        word = re.match(r"\W*(\w+)", first)
        return word[1] if word and word[1].lower() in YES_NO else first
    return _REASON.split(first)[0].rstrip(" –—-").strip(" \t\"'“”‘’.,;:*") if first else ""


def _marked(text: str) -> str | None:
    """What the best mark points at."""
    found = _boxed(text) or next(reversed(_TAG.findall(text)), None) or _in_json(text)
    if found is not None:
        return found
    for mark in _MARKS:
        rests = [rest for place in mark.finditer(text) if (rest := text[place.end() :].strip(" \t*`_\n"))]
        if rests:
            return rests[-1]
    return None


def _boxed(text: str) -> str | None:
    """What stands in the last \\boxed{...}, inner braces included."""
    start = max(text.rfind("\\boxed{"), text.rfind("\\fbox{"))
    if start < 0:
        return None
    begin = text.index("{", start) + 1
    depth = 1
    for place in range(begin, len(text)):
        depth += {"{": 1, "}": -1}.get(text[place], 0)
        if not depth:
            return text[begin:place]
    return text[begin:]


def _in_json(text: str) -> str | None:
    try:
        found = json.loads(unfenced(text))
    except (ValueError, RecursionError):
        return None
    values = [found[key] for key in KEYS if key in found] if isinstance(found, dict) else []
    return str(values[0]) if values and isinstance(values[0], (str, int, float)) else None


def _number(text: str, marked: bool) -> str:
    if marked:
        text = text.splitlines()[0].rpartition("=")[2] if text else ""
    found = [_plain(number[0]) for number in _NUMBER.finditer(text)]
    if found:
        return found[0] if marked else found[-1]
    spelt = numbers(text)
    return (spelt[0] if marked else spelt[-1]) if spelt else ""


def _plain(number: str) -> str:
    plain = re.sub("[$€£]", "", number).replace("−", "-")
    grouped = re.fullmatch(r"-?\d{1,3}(?:,\d{3})+(?:\.\d+)?", plain)
    plain = plain.replace(",", "" if grouped else ".")
    return plain.rstrip("0").rstrip(".") if "." in plain else plain


def _letter(text: str) -> str:
    first = _LETTER_FIRST.match(text)
    if first and (first[1].isupper() or len(text) == 1):
        return first[1].upper()
    named = [a or b for a, b in _LETTER_NAMED.findall(text)]
    return named[-1] if named else ""


def _first_sentence(text: str) -> str:
    lines = [_LIST_MARK.sub("", line.strip()) for line in text.splitlines() if line.strip()]
    while len(lines) > 1 and _LEAD_IN.match(lines[0]):
        lines = lines[1:]
    return next(iter(sentences(lines[0][:LONGEST])), "") if lines else ""


def exact_match_lenient(prediction: str, reference: str) -> float:
    """1 where the whole answer or the final answer in it has the reference's normal form, else 0."""
    kind = kind_of(reference)
    found = final_answer(prediction, kind)
    expected = final_answer(reference, kind) if kind == "number" else reference
    return max(exact_match(prediction, reference), exact_match(found, expected) if found else 0.0)


metrics.add(
    "exact_match_lenient",
    TextMetric(
        MetricInfo(
            "exact_match_lenient",
            "exact match of the final answer found, SQuAD's normal form",
            how="1 if the answer, or the final answer found in it, is the reference, else 0: what follows a mark such as \\boxed, #### or "
            "“the answer is”; without one the last number, the first yes or no, or the first sentence, by the kind of the reference. "
            f"{NORMAL_FORM}. After lm-evaluation-harness's flexible extraction; read it beside exact match.",
        ),
        exact_match_lenient,
    ),
)
