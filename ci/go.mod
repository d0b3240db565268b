module lockstep/ci

go 1.26.0

require (
	dagger.io/dagger v0.21.9
	github.com/dagger/otel-go v1.43.0
	github.com/dagger/querybuilder v0.0.0-20260402040506-574a5e81cb59
	golang.org/x/sync v0.24.0
	lockstep v0.0.0
)

replace lockstep => ../
