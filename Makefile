# Short names for common commands. `go run . --help` shows all of them.
.PHONY: help deploy test e2e check synth graph docs doctor clean

help:
	@go run . --help

deploy: ## rehearse the deployment to an environment: make deploy ENV=acc
	go run . deploy --env $(or $(ENV),acc)

synth:
	go run . synth --env $(or $(ENV),all)

test:
	go test -timeout 60m ./...

e2e: ## run the Dagger module on a real engine; without Dagger or an engine, say what is missing
	LOCKSTEP_ENGINE=1 go test -count=1 -v -timeout 3h -run OnAnEngine ./tests/engine

check:
	go run . check

graph:
	go run . graph

docs: ## build the site of the documentation into .lockstep/site
	go run ./tools/site

doctor:
	go run . doctor

clean: ## remove all local state; the emulated accounts are lost, deployed accounts are not touched
	go run . rehearsal stop
	rm -rf .lockstep
