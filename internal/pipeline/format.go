package pipeline

// A Format is how a program tells what it found.
type Format string

// The formats that gates can read.
const (
	// SARIF is the Static Analysis Results Interchange Format, version 2.1.0.
	SARIF Format = "sarif"
	// GoTest is what `go test -json` prints.
	GoTest Format = "go-test"
	// Lines are findings a line, FILE[:LINE[:COLUMN]]: MESSAGE.
	Lines Format = "lines"
	// DetectSecrets is the baseline format of detect-secrets.
	DetectSecrets Format = "detect-secrets"
)
