# Two commands matter: `make up` and `make test`. The work is done by scripts/*.
.DEFAULT_GOAL := help
.PHONY: help up test down build image bench format lint clean

help: ## Show this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 16

up: ## Prepare the machine, build, start the platform, create the example agent, prove the controls
	@scripts/up

test: ## Lint, build, unit tests, integration tests
	@scripts/test

down: ## Stop the platform and keep its data
	@scripts/down

build: ## Build the release program, .build/release/lobstack
	@scripts/build release

image: ## Build the container image for clusters, .build/image
	@scripts/image

bench: ## Measure and print a table
	@scripts/bench

format: ## Format the Swift code
	@scripts/lint --fix

lint: ## Check format and scripts
	@scripts/lint

clean: ## Remove build products and the cached example image
	@scripts/clean
