package config

// Gates is what the gates are told, in config/pipeline.yaml.
type Gates struct {
	// Registries are the container registries that images may come from; docker.io and registry.dagger.io unless told.
	Registries []string `json:"registries,omitempty" schema:"registry" jsonschema:"minItems=1"`
	// GoVulnerabilities is the address of the database of vulnerabilities in Go modules; https://vuln.go.dev unless told. A folder is written file:///PATH.
	GoVulnerabilities string `json:"goVulnerabilities,omitempty" schema:"databaseURL"`
	// OSVDatabases is the folder of downloaded OSV databases, for machines that may not ask the service of osv.dev; empty asks it. It holds osv-scalibr/ECOSYSTEM/all.zip, as osv-scanner --download-offline-databases leaves it.
	OSVDatabases string `json:"osvDatabases,omitempty" schema:"folder"`
}

// EnvironmentGates is what an environment asks of the gates.
type EnvironmentGates struct {
	// MayBeAbsent are the gates without which a release may come here when they cannot be run at all. One that runs and finds something always counts.
	MayBeAbsent []string `json:"mayBeAbsent,omitempty" schema:"gateName"`
}
