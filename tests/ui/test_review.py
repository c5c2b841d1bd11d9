"""Blind reviews on the page: raters learn nothing of who wrote what, can leave and come back, and only the owner sees what came of it."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from comparison import review as reviews
from comparison.share import create as share_link
from comparison.votes import read_votes
from core.errors import BakeoffError, PlanError, StoreError
from ui.context import Context, Settings
from ui.handlers import people, review
from ui.handlers.compare import Shown
from ui.handlers.review import Rater
from ui.reviewpage import PATH, ToReviewPage

ITEMS = 5
PATIENCE_MS = 60_000
ANN, BOB = Rater("a" * 22, "Ann"), Rater("b" * 22, "Bob")
LISTEN = """const real = window.fetch;
window.fetch = async (...given) => {
  const answer = await real(...given);
  const reader = answer.clone().body?.getReader(), decoder = new TextDecoder();
  const hear = async () => {
    for (;;) { const { done, value } = await reader.read(); if (done) return; (window.answers ||= []).push(decoder.decode(value)); }
  };
  if (reader) hear().catch(() => {});
  return answer;
};"""
NAMES = re.compile(r"zero[_ -]?shot|few[_ -]?shot|\brag\b|\blora\b", re.IGNORECASE)


@pytest.fixture
def linked(ctx: Context, finished: str) -> Context:
    """A visitor who came by a review link of five items."""
    return ctx._replace(owner="session:visitor", review=reviews.create(ctx.store, finished, ctx.owner, items=ITEMS))


def test_a_rater_goes_from_start_to_end_and_sees_no_method(linked: Context, finished: str) -> None:
    seen = review.arrive(linked, ANN)
    assert (seen.part, seen.total) == ("start", ITEMS)
    for place in range(ITEMS):
        screen = review.screen(linked, ANN, place)
        assert screen.part == "work" and not NAMES.search(repr(screen))
        place = review.say(linked, ANN, place, "tie" if place == 0 else "a", "yes", "no")
    end = review.screen(linked, ANN, place)
    assert end.part == "end" and not NAMES.search(repr(end))
    assert "5 pairs of answers, 1 of which is a tie" in end.head and "5 of 10 answers were good enough" in end.head
    assert {vote.name for vote in read_votes(linked.store.folder(finished))} == {"Ann"}


def test_a_rater_comes_back_to_the_first_open_step_with_what_was_said(linked: Context) -> None:
    first = review.screen(linked, ANN, 0)
    assert review.say(linked, ANN, 0, "b", None, "yes") == 1
    assert review.skip(linked, ANN, 1) == 2
    again = review.arrive(linked, ANN)
    assert (again.part, again.place, again.skipped) == ("work", 2, 1)
    back = review.screen(linked, ANN, 0)
    assert (back.better, back.good_a, back.good_b) == ("b", None, "yes")
    assert (back.question, back.a, back.b) == (first.question, first.a, first.b), "the same order as before"
    assert review.screen(linked, BOB, 0).better is None, "another rater sees nothing of it"


def test_skipped_steps_are_offered_again_and_then_the_next_skipped_one(linked: Context) -> None:
    for place in range(ITEMS):
        review.skip(linked, ANN, place) if place in (1, 3) else review.say(linked, ANN, place, "a", None, None)
    assert review.first_skipped(linked, ANN) == 1
    assert review.say(linked, ANN, 1, "tie", None, None) == 3
    assert review.say(linked, ANN, 3, "tie", None, None) == ITEMS
    assert review.first_skipped(linked, ANN) == ITEMS
    assert review.skip(linked, ANN, 0) == 1 and review.screen(linked, ANN, 0).better == "a", "skipping takes nothing back"


@pytest.mark.parametrize(
    ("place", "better", "good", "said"),
    [
        (0, None, None, "Nothing is chosen"),
        (0, "rag", "maybe", "Nothing is chosen"),
        (99, "a", "yes", "steps 1 to 5"),
        (-1, "a", "yes", "got 0"),
    ],
)
def test_what_cannot_be_said_is_refused_and_not_kept(
    linked: Context, finished: str, place: int, better: str | None, good: str | None, said: str
) -> None:
    with pytest.raises(PlanError, match=said):
        review.say(linked, ANN, place, better, good, good)
    assert read_votes(linked.store.folder(finished)) == ()


def test_a_closed_or_wrong_link_shows_and_keeps_nothing(ctx: Context, linked: Context, finished: str) -> None:
    """F17: what was open in a browser when the link was closed is refused, too."""
    wrong = linked._replace(review="x" * 32)
    reviews.revoke(ctx.store, finished, ctx.owner)
    acts: list[Callable[[Context], Any]] = [
        lambda visitor: review.arrive(visitor, ANN),
        lambda visitor: review.screen(visitor, ANN, 0),
        lambda visitor: review.say(visitor, ANN, 0, "a", "yes", "yes"),
        lambda visitor: review.skip(visitor, ANN, 0),
    ]
    for visitor in (wrong, linked):
        for act in acts:
            with pytest.raises(StoreError, match="opens nothing"):
                act(visitor)
    assert read_votes(ctx.store.folder(finished)) == ()


def test_what_a_browser_kept_is_taken_with_care() -> None:
    fresh = review.rater(None)
    assert len(fresh.id) >= 16 and fresh != review.rater(None)
    assert review.rater(fresh._asdict()) == fresh
    for odd in ({"id": "short"}, {"id": "x" * 9999}, {"id": 7, "name": ["x"]}, "text", [1], {"name": "n" * 999}):
        found = review.rater(odd)
        assert 16 <= len(found.id) <= review.MOST_ID and len(found.name) <= 40


def test_hostile_texts_stay_text(ctx: Context, finished: str) -> None:
    """F28 for reviews: items and answers are escaped. All test items are shown, those with script among them."""
    visitor = ctx._replace(review=reviews.create(ctx.store, finished, ctx.owner, items=999))
    every = [review.screen(visitor, ANN, place) for place in range(review.arrive(visitor, ANN).total)]
    assert len(every) > ITEMS
    text = "".join(part for screen in every for part in (screen.question, screen.a, screen.b))
    assert not re.search(r"<(img|script)", text)


def test_the_owner_sees_who_voted_and_what_came_of_it(ctx: Context, linked: Context, finished: str) -> None:
    shown = Shown("comparison", finished)
    before = people.fold(ctx, shown)
    assert before.mine and not before.voted and "Nobody has voted" in before.html and len(before.links) == 1
    for who in (ANN, BOB):
        for place in range(ITEMS):
            review.say(linked, who, place, "a", "yes", None)
    after = people.fold(ctx, shown)
    assert after.voted and "Ann" in after.html and "Bob" in after.html and "2 raters" in after.links[0][0]
    assert "Krippendorff" in after.html and "Zero-shot" in after.html
    assert "report.2.json" in people.count(ctx, shown) and "already" in people.count(ctx, shown)
    text, words = people.pairs(ctx, shown)
    assert text and all(list(json.loads(line)) == ["prompt", "chosen", "rejected"] for line in text.splitlines())
    assert words.startswith(f"{len(text.splitlines())} preference pair")


def test_only_the_owner_makes_links_and_sees_votes(ctx: Context, linked: Context, finished: str) -> None:
    """F19 for reviews, in public mode: somebody else's comparison is answered like one that does not exist."""
    review.say(linked, ANN, 0, "a", "yes", "yes")
    stranger = ctx._replace(settings=Settings(home=ctx.settings.home, examples=ctx.settings.examples, public=True), owner="session:other")
    shown = Shown("comparison", finished)
    acts: list[Callable[[], Any]] = [
        lambda: people.fold(stranger, shown),
        lambda: people.make(stranger, shown, ["zero_shot", "rag"], 5),
        lambda: people.close(stranger, shown, people.fold(ctx, shown).links[0][1]),
        lambda: people.count(stranger, shown),
        lambda: people.pairs(stranger, shown),
    ]
    for act in acts:
        with pytest.raises(StoreError, match="There is no comparison"):
            act()
    for other in (Shown("example", "lost_things"), Shown("share", "x"), Shown()):
        with pytest.raises(BakeoffError):
            people.pairs(ctx, other)
    assert reviews.resolve(ctx.store, linked.review) is not None


def test_a_frozen_link_shows_counted_votes_and_no_names(ctx: Context, linked: Context, finished: str) -> None:
    early = share_link(ctx.store, finished, ctx.owner)
    for place in range(ITEMS):
        review.say(linked, ANN, place, "a", "yes", "no")
    people.count(ctx, Shown("comparison", finished))
    late = share_link(ctx.store, finished, ctx.owner)
    assert "holds no votes" in people.fold(ctx, Shown("share", early)).html
    seen = people.fold(ctx, Shown("share", late))
    assert not seen.mine and not seen.links and "Win rate" in seen.html and "Ann" not in seen.html


def answered_with(path: str, query: bytes, root: str = "") -> tuple[int, dict[bytes, bytes]]:
    """What the middleware answers: status and headers; 200 where the app behind it did."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {}

    scope = {"type": "http", "path": root + path, "root_path": root, "query_string": query}
    asyncio.run(ToReviewPage(app)(scope, receive, send))
    return sent[0]["status"], dict(sent[0]["headers"])


@pytest.mark.parametrize("root", ["", "/proxied"])
def test_a_review_link_leads_to_a_page_of_its_own_and_nothing_else_does(root: str) -> None:
    """F17: no referrer, no index."""
    status, headers = answered_with("/", b"__theme=dark&review=abc", root)
    assert (status, headers[b"location"]) == (307, f"{PATH}?__theme=dark&review=abc".encode())
    assert headers[b"referrer-policy"] == b"no-referrer" and headers[b"x-robots-tag"] == b"noindex"
    assert answered_with(f"/{PATH}", b"review=abc", root)[1][b"x-robots-tag"] == b"noindex"
    for path, query in (("/", b"comparison=abc"), ("/", b"preview=abc"), ("/gradio_api/queue/join", b"review=abc")):
        assert answered_with(path, query, root) == (200, {})


@pytest.mark.browser
def test_two_people_review_blind_and_the_owner_counts_and_takes_the_pairs(
    serve: Callable[..., str], chromium: Any, finished: str, examples_folder: Path, tmp_path: Path
) -> None:
    from playwright.sync_api import expect

    expect.set_options(timeout=PATIENCE_MS)  # a busy machine is slow, not wrong
    url = serve("--examples", str(examples_folder))
    owner = chromium.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True).new_page()
    owner.set_default_timeout(PATIENCE_MS)
    owner.goto(f"{url}?comparison={finished}")
    owner.locator("#people_fold > button").click()
    owner.locator("#people_items input").fill(str(ITEMS))
    owner.locator("#people_items input").blur()
    owner.get_by_role("button", name="Make a review link", exact=True).click()
    link = owner.locator("#people_link input, #people_link textarea")
    expect(link).to_have_value(re.compile(r"^http.*/\?review=[\w-]{32}$"))
    address = link.input_value()

    ann = Reviewer(chromium, address, 1280)
    ann.begin("Ann")
    for to in ("2 of 5", "3 of 5"):
        ann.page.get_by_role("radio", name="Answer A", exact=True).check()
        ann.page.locator("#review_good_a").get_by_role("radio", name="Yes", exact=True).check()
        ann.page.get_by_role("button", name="Next", exact=True).click()
        ann.reach(to)
    ann.page.reload()
    expect(ann.page.locator("#review_notice")).to_contain_text("You are back")
    ann.reach("3 of 5")
    ann.page.get_by_role("button", name="Back", exact=True).click()
    ann.reach("2 of 5")
    expect(ann.page.get_by_role("radio", name="Answer A", exact=True)).to_be_checked()
    ann.press("ArrowRight", to="3 of 5")
    ann.press("s", to="4 of 5")
    ann.press("0", "ArrowRight", to="5 of 5")
    ann.press("2", "b", "b", "ArrowRight", to="You skipped 1")
    ann.page.get_by_role("button", name="Go to what you skipped", exact=True).click()
    ann.reach("3 of 5")
    ann.page.keyboard.press("ArrowRight")
    expect(ann.page.locator("#review_notice")).to_contain_text("Nothing is chosen yet")
    ann.press("1", "ArrowRight", to="You compared 5 pairs of answers, 1 of which is a tie")

    bob = Reviewer(chromium, address, 375)
    bob.begin("")
    for to in ("2 of 5", "3 of 5", "4 of 5", "5 of 5", "10 of 10 answers were good enough"):
        assert bob.page.evaluate("() => document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
        bob.press("1", "a", "b", "ArrowRight", to=to)
    for rater in (ann, bob):
        assert any("process_completed" in text for text in rater.received), "what handlers answered was heard"
        assert set(NAMES.findall("".join(rater.received))) == set(), "no method's name came to a rater's browser"
        assert rater.page.evaluate("() => window.pwned") is None

    owner.reload()
    owner.locator("#people_fold > button").click()
    expect(owner.locator("#people_results")).to_contain_text("10 votes of 2 raters on 5 items; 1 tie, 0 skipped")
    expect(owner.locator("#people_results")).to_contain_text("Krippendorff's alpha")
    with owner.expect_download() as loading:
        owner.get_by_role("button", name="Download preference pairs", exact=True).click()
    assert loading.value.suggested_filename == "preference-pairs.jsonl"
    rows = [json.loads(line) for line in Path(loading.value.path()).read_text(encoding="utf-8").splitlines()]
    assert rows and all(list(row) == ["prompt", "chosen", "rejected"] for row in rows)
    expect(owner.locator("#people_said")).to_contain_text(f"{len(rows)} preference pair")
    owner.get_by_role("button", name="Count the votes", exact=True).click()
    expect(owner.locator("#people_said")).to_contain_text("report.2.json")
    owner.get_by_role("button", name="Close this link", exact=True).click()
    expect(owner.locator("#people_told")).to_contain_text("The link is closed")
    bob.page.reload()
    expect(bob.page.locator("#review_notice")).to_contain_text("This review link opens nothing")


class Reviewer:
    """A rater in a browser of their own, and all that the server sent to it."""

    def __init__(self, chromium: Any, address: str, width: int) -> None:
        self.received: list[str] = []  # documents, what handlers answered, and the page as it stood at each step
        self.page = chromium.new_context(viewport={"width": width, "height": 900}).new_page()
        self.page.set_default_timeout(PATIENCE_MS)
        self.page.on("response", self._keep)
        self.page.add_init_script(LISTEN)
        self.page.goto(address)
        self.page.locator("#review_begin").wait_for()

    def _keep(self, response: Any) -> None:
        if response.request.resource_type == "document" and response.status == 200:
            self.received.append(response.text())

    def begin(self, name: str) -> None:
        self.page.locator("#review_name input, #review_name textarea").fill(name)
        self.page.get_by_role("button", name="Start", exact=True).click()
        self.reach("1 of 5")

    def press(self, *keys: str, to: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)
        self.reach(to)

    def reach(self, words: str) -> None:
        """Wait until the progress, or the end, says these words."""
        from playwright.sync_api import expect

        expect(self.page.locator("#review_head")).to_contain_text(words)
        self.received += [self.page.content(), self.page.evaluate("() => (window.answers || []).join('')")]
