# Every target is a plain command that a person can also type.
VENV ?= .venv
BIN := $(VENV)/bin
export VENV

.DEFAULT_GOAL := help
.PHONY: help install demo serve test test-long drill crash crash-long crash-kills fuzz check format train-nano train-clear evaluate evaluate-heads ablate bench-engine bench-idle pictures gallery rknn bench-delta wheel clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 16

install:  ## install what demo and serve need (Debian packages, virtual environment, CPU torch)
	@scripts/bootstrap.sh demo

demo: install  ## play the whole story on this machine; leaves demo-out/
	@$(BIN)/python -m demo --out demo-out

serve: install  ## keep server, broker and one frame running for a look around
	@$(BIN)/python -m demo.serve --data serve-data

test:  ## install what is missing and run the test suite
	@scripts/bootstrap.sh test
	@$(BIN)/python -m pytest -m "not long"

test-long: install  ## the tests that take minutes: every cut of an update, whole trainings, the NPU compiler
	@scripts/bootstrap.sh test
	@scripts/bootstrap.sh rknn
	@$(BIN)/python -m pytest -m long

drill: install  ## a thief of the whole server against 1,000 frames, and the way back
	@scripts/bootstrap.sh test
	@$(BIN)/python -m pytest -m long tests/journeys/test_drill.py

crash: install  ## cut the power at every operation of every kind of update (a minute or two on 2 cores)
	@$(BIN)/python -m tests.crash --randoms 12

crash-long: install  ## 10,000 random double cuts: the second while the frame recovers from the first
	@$(BIN)/python -m tests.crash --doubles 834

crash-kills: install  ## kill SWUpdate, SQLite and the agent at 360 sampled system calls (LIVEFRAME_SEED=n repeats a run)
	@scripts/bootstrap.sh test
	@$(BIN)/python -m pytest -s -m long tests/crash/test_kills.py tests/crash/test_kills_agent.py

bench-idle: install  ## what an idle check costs a frame in bytes, TLS included (JSON=file)
	@scripts/bootstrap.sh test
	@$(BIN)/python -m tests.idle $(if $(JSON),--json $(JSON))

fuzz: install  ## a million flipped bits in artefacts and metadata (minutes; COUNT=n for another number)
	@$(BIN)/python -m tests.fuzz --count $(or $(COUNT),1000000)

check:  ## formatting, lint, types, import rules
	@scripts/bootstrap.sh test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format:  ## rewrite the code in the house style
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

train-nano: install  ## train the weights that ship (<= 30 minutes on 2 cores; resumes by itself)
	$(BIN)/model-pipeline train-nano --out .cache/train-nano

train-clear: install  ## train nano-clear: rendered heads and synthetic speech alone (resumes by itself)
	$(BIN)/model-pipeline train-clear --out .cache/train-clear

evaluate: install  ## score the model on speakers held out, 3 seeds (half an hour; needs ../shared/data; JSON=file)
	$(BIN)/model-pipeline evaluate $(if $(JSON),--json $(JSON))

evaluate-heads: install  ## measure the mouth on rendered heads in exact mm, by yaw (minutes; JSON=file)
	$(BIN)/model-pipeline evaluate-heads $(if $(JSON),--json $(JSON))

ablate: install  ## what each idea of the model is worth, by leaving it out (an hour; needs ../shared/data)
	$(BIN)/model-pipeline ablate --report docs/model/ablations-table.md $(if $(JSON),--json $(JSON))

bench-engine: install  ## frames a second of a whole render beside yardsticks (JSON=, REPORT=file, LONG=600 s of voice)
	$(BIN)/model-pipeline package --out .cache/nano.lfm
	rm -rf .cache/nano && mkdir -p .cache/nano && tar -xf .cache/nano.lfm -C .cache/nano
	$(BIN)/python -m model_pipeline.bench.speed --model .cache/nano $(if $(JSON),--json $(JSON)) \
	  $(if $(REPORT),--report $(REPORT) --presets) $(if $(LONG),--long $(LONG))

pictures: install  ## sharpness and teeth of the drawn mouth, change outside the head, in numbers
	$(BIN)/model-pipeline package --out .cache/nano.lfm
	rm -rf .cache/nano && mkdir -p .cache/nano && tar -xf .cache/nano.lfm -C .cache/nano
	$(BIN)/python -m device_agent.engine.pictures --model .cache/nano

gallery: install  ## photos, voices and languages as videos on one page, gallery-out/index.html (minutes)
	$(BIN)/model-pipeline gallery --out gallery-out $(if $(JSON),--json $(JSON))

rknn: install  ## compile the graphs for the RK3588's NPU and run its simulator (own environment; JSON=, REPORT=file)
	@scripts/bootstrap.sh rknn
	@$(BIN)/model-pipeline npu --out .cache/npu $(if $(JSON),--json $(JSON)) $(if $(REPORT),--report $(REPORT))
	@$(BIN)/python -m pytest -q -m long tests/model_pipeline/npu

bench-delta:  ## size, speed and memory of LoRA deltas beside bsdiff, xdelta3 and zstd (JSON=file keeps the figures)
	@scripts/bootstrap.sh bench
	@$(BIN)/python -m model_pipeline.bench.delta $(if $(JSON),--json $(JSON))

wheel: install  ## build the frame's wheel into dist/
	$(BIN)/python -m build --wheel --no-isolation --outdir dist packaging/frame

clean:  ## remove what demo, serve and the tests leave behind
	rm -rf demo-out gallery-out serve-data build dist .cache .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
