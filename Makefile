# `make help` says what there is.

PYTHON ?= python3
CARGO ?= cargo
SEEDS ?= 1
TARGETS = ecp5-25k ecp5-85k ice40-hx8k ice40-up5k gowin-9k
NETETCH = target/release/netetch

# Sets up, of the groups named or of all, those that hold a tool which the PATH does not provide; does nothing for
# those that are up to date.
set_up = groups=$$($(1) doctor --groups $(2)) && if [ -n "$$groups" ]; then $(PYTHON) tools/setup $$groups; fi

.DEFAULT_GOAL := help
.PHONY: help demo demo-all test test-train tools doctor clean $(NETETCH)

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /make \1\t/p' $(MAKEFILE_LIST) | expand -t 16

demo: $(NETETCH) ## from trained networks to bitstreams for ECP5 and iCE40, every bit compared
	@$(call set_up,$(NETETCH),verilator yosys ecp5 ice40)
	$(NETETCH) flow examples/digits_mlp/net.yaml --target ecp5-25k --target ice40-hx8k --seeds $(SEEDS)
	$(NETETCH) flow examples/digits_cnn/net.yaml --target ecp5-25k --seeds $(SEEDS)
	$(NETETCH) reports

demo-all: SEEDS = 4
demo-all: $(NETETCH) ## every example, for every device that it fits on, with several seeds
	@$(call set_up,$(NETETCH))
	@failed=""; \
	for network in examples/digits_*/net.yaml; do for target in $(TARGETS); do \
	    echo "$(NETETCH) flow $$network --target $$target --seeds $(SEEDS)"; \
	    $(NETETCH) flow $$network --target $$target --seeds $(SEEDS) || failed="$$failed $$network:$$target"; \
	done; done; \
	$(NETETCH) reports; \
	if [ -n "$$failed" ]; then echo "no bitstream (the reasons are above):$$failed"; fi

test: tools ## every test, with all the tools they need
	$(CARGO) test --locked --no-fail-fast

test-train: ## the tests of training, which build apart
	$(CARGO) test --locked --release -p netetch-train

tools: ## sets up in .tools/ what the PATH lacks
	@$(call set_up,$(CARGO) run --locked --quiet --)

doctor: ## says which tools are found, and where
	@$(CARGO) run --locked --quiet -- doctor

clean: ## removes what was built; .tools/ stays
	$(CARGO) clean
	find rtl_out -mindepth 1 ! -name README.md -delete

$(NETETCH):
	$(CARGO) build --locked --release
