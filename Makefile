# The same commands by habit's name. `go run . --help` shows them all.
.PHONY: help deploy test e2e check synth graph doctor clean

help:
	@go run . --help

deploy: ## rehearse the deployment to an environment: make deploy ENV=acc
	go run . deploy --env $(or $(ENV),acc)

synth:
	go run . synth --env $(or $(ENV),all)

test:
	go test -timeout 30m ./...

e2e: ## run the Dagger module for real, where Dagger and an engine are at hand; it says why where they are not
	LOCKSTEP_ENGINE=1 go test -count=1 -v -timeout 3h -run OnAnEngine ./tests/engine

check:
	go run . check

graph:
	go run . graph

doctor:
	go run . doctor

clean: ## forget everything that was made here; nothing that was deployed is lost but the emulated accounts
	go run . rehearsal stop
	rm -rf .lockstep
