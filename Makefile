# Everyday commands, in front of Meson and the scripts in tools/. `make help` lists them.
BUILD   ?= build
SUITES  ?= ../shared/suites
SECONDS ?= 60
PREFIX  ?= /usr/local

.PHONY: all help deps test conformance demo bench fuzz realworld lint install clean
.DEFAULT_GOAL := all

all: $(BUILD)/build.ninja
	@ninja -C $(BUILD)

$(BUILD)/build.ninja:
	@tools/configure $(BUILD)

help:
	@echo 'make              build $(BUILD)/swell'
	@echo 'make test         all tests'
	@echo 'make demo         an example guest under grants, from an empty machine'
	@echo 'make conformance  the official suites found under SUITES=$(SUITES)'
	@echo 'make bench        speed and size, a table and $(BUILD)/bench.json'
	@echo 'make realworld    sqlite3, Lua, bzip2 and a JavaScript engine, as guests and natively'
	@echo 'make fuzz         every fuzz target for SECONDS=$(SECONDS) seconds'
	@echo 'make lint         the house rules'
	@echo 'make install      below PREFIX=$(PREFIX), with DESTDIR if given'
	@echo 'make deps         installs what all of this needs (Debian 12)'

deps:
	@tools/deps all

test:
	@tools/deps build
	@tools/test $(BUILD)

demo:
	@SWELL_BUILD=$(BUILD) tools/demo

conformance: all
	@if [ -d '$(SUITES)' ]; then SWELL_BUILD=$(BUILD) SUITES='$(SUITES)' tools/conformance; \
	else echo 'conformance: no suites at $(SUITES); name their folder with SUITES=...'; fi

bench realworld: all
	@if [ -x tools/$@ ]; then SWELL_BUILD=$(BUILD) tools/$@; \
	else echo 'make $@: tools/$@ is not in this tree' >&2; exit 2; fi

fuzz:
	@tools/fuzz $(SECONDS)

lint:
	@tools/lint

install: all
	@meson configure $(BUILD) -Dprefix='$(PREFIX)'
	@meson install -C $(BUILD)

clean:
	@rm -rf $(BUILD)
