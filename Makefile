# Rollcall's commands. Each does its own set-up; python3.11, pip and make are all they need.
#   make demo    a small Discord of its own, with members who come and go
#   make run     the same with your bot: DISCORD_TOKEN in the environment or in .env
#   make test    every check and test

.PHONY: demo run test look test-rooms test-crashes bench bench-checkpoint bench-participation \
	bench-rooms chaos chaos-day lock .venv
.DEFAULT_GOAL := demo

demo:
	@.ci/environment runtime
	@exec .venv/bin/python manage.py up --demo

run:
	@.ci/environment runtime
	@exec .venv/bin/python manage.py up

test: .venv
	@.ci/check

# Opens every page in Chromium and writes screenshots to .look/
look: .venv
	@.venv/bin/python -m pytest -q -n 3 --dist loadfile tests/look/look_at_*.py

# Rooms over real sockets: every answer of Discord's, restarts, voice, commands; some minutes.
test-rooms: .venv
	@.venv/bin/python -m pytest -q -n 3 --dist worksteal \
		$(filter-out $(CRASHES),$(wildcard tests/botrunner/gateway/rooms/at_length_*.py)) \
		tests/botrunner/rooms/at_length_*.py tests/botrunner/sandbox/at_length_*.py

# Kills the bot at each instant of each scenario of rooms, and says how many there were.
CRASHES = tests/botrunner/gateway/rooms/at_length_crash_points.py
test-crashes: .venv
	@.venv/bin/python -m pytest -q -n 3 --dist worksteal -rP --show-capture=stdout $(CRASHES)

bench: .venv
	@.venv/bin/python benchmarks/ingest.py

# Checkpoints and sweeps beside ten million sessions: some minutes, and 8 GB of disk.
bench-checkpoint: .venv
	@.venv/bin/python benchmarks/checkpoint.py

# Events worked out beside ten million sessions: some minutes, and 8 GB of disk.
bench-participation: .venv
	@.venv/bin/python benchmarks/participation.py

# Rooms from /voice to the deletion, and a thousand opened and closed: some minutes.
bench-rooms: .venv
	@.venv/bin/python benchmarks/rooms.py

# Faults of all kinds, one after another, in about 50 minutes; the scripted day takes 72 more.
chaos: .venv
	@.venv/bin/python benchmarks/chaos.py

chaos-day: .venv
	@.venv/bin/python benchmarks/chaos.py --day

# The whole environment, with the tools for development.
.venv:
	@.ci/environment dev

# Names the newest versions that pyproject.toml allows, with the sums of their files; uv is
# needed here alone. The run-time lock is a part of the other.
UV ?= uv
COMPILE = $(UV) pip compile --universal --generate-hashes --no-emit-index-url --no-header --quiet
lock:
	$(COMPILE) --upgrade pyproject.toml --group dev -o .ci/requirements-dev.lock
	$(COMPILE) --upgrade pyproject.toml -c .ci/requirements-dev.lock -o .ci/requirements.lock
