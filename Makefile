# `make help` says what there is.
PYTHON ?= python3
CARGO ?= cargo
SEEDS ?= 1
NETETCH = target/release/netetch

# Only what neither the PATH nor .tools/ has is set up; an outdated .tools/ is brought up to date.
set_up = groups=$$($(1) doctor --groups $(2)) && if [ -n "$$groups" ]; then $(PYTHON) tools/setup $$groups; fi

.PHONY: help demo demo-all test tools clean
.DEFAULT_GOAL := help

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 18

demo: $(NETETCH) ## three networks on two FPGA families, to bitstreams
	@$(call set_up,$(NETETCH),verilator yosys ecp5 ice40)
	$(NETETCH) flow examples/digits_mlp/net.yaml --target ecp5-25k --seeds $(SEEDS)
	$(NETETCH) flow examples/digits_mlp/net.yaml --target ice40-hx8k --seeds $(SEEDS)
	$(NETETCH) flow examples/digits_cnn/net.yaml --target ecp5-25k --seeds $(SEEDS)

test: tools ## every test; sets up the tools first
	$(CARGO) test --locked

tools: ## what the machine lacks, into .tools/
	@$(call set_up,$(CARGO) run --locked --quiet --,)

clean: ## removes what was built; .tools/ stays
	rm -rf target
	find rtl_out -mindepth 1 ! -name README.md -delete

.PHONY: $(NETETCH)
$(NETETCH):
	$(CARGO) build --release --locked
