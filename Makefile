PYTHON ?= python3
.PHONY: run test lint bench screenshots lock

run:          ; @$(PYTHON) scripts/bootstrap.py run
test:         ; @$(PYTHON) scripts/bootstrap.py test $(ARGS)
lint:         ; @$(PYTHON) scripts/bootstrap.py lint
bench:        ; @ONLY="$(ONLY)" $(PYTHON) scripts/bootstrap.py bench
screenshots:  ; @$(PYTHON) scripts/bootstrap.py screenshots
lock:         ; @$(PYTHON) scripts/bootstrap.py lock
