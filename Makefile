# make run    the app on http://127.0.0.1:7860, with the embedded models
# make test   every test, in two processes (WORKERS=8 on a larger machine)
# make check  style and types
# make screenshots   a picture of every tab at two widths, in screenshots/ (needs chromium)
PYTHON ?= python3
VENV := .venv
WORKERS ?= 2
BIN := $(VENV)/bin
REQUIREMENTS := requirements.txt requirements-embedded.txt requirements-dev.txt
STAMP := $(VENV)/.whole

.PHONY: run test check setup screenshots
setup: $(STAMP)

# The stamp is written last, so an interrupted install is taken up again.
$(STAMP): $(REQUIREMENTS)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Bakeoff needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Try: make PYTHON=python3.11 run")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt -r requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -r requirements-embedded.txt
	@touch $(STAMP)

run: setup
	$(BIN)/python app.py

test: setup
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

check: setup
	$(BIN)/ruff check .
	$(BIN)/mypy

screenshots: setup
	$(BIN)/python tests/ui/screenshots.py own screenshots
