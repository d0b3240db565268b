package config

// Gates are the settings of the gates in config/pipeline.yaml.
type Gates struct {
	// Registries are the container registries that images may come from; docker.io and registry.dagger.io by default.
	Registries []string `json:"registries,omitempty" schema:"registry" jsonschema:"minItems=1"`
	// GoVulnerabilities is the address of the database of vulnerabilities in Go modules; https://vuln.go.dev by default.
	// A folder is written file:///PATH.
	GoVulnerabilities string `json:"goVulnerabilities,omitempty" schema:"databaseURL"`
	// OSVDatabases is the folder of downloaded OSV databases, for machines without access to osv.dev. It holds
	// osv-scalibr/ECOSYSTEM/all.zip, as osv-scanner --download-offline-databases writes it. If it is empty, osv.dev is
	// asked.
	OSVDatabases string `json:"osvDatabases,omitempty" schema:"folder"`
}

// EnvironmentGates are the settings of the gates for an environment.
type EnvironmentGates struct {
	// MayBeAbsent is the list of the gates that a release may be deployed without when they cannot run at all. A gate
	// that runs and finds something always counts.
	MayBeAbsent []string `json:"mayBeAbsent,omitempty" schema:"gateName"`
}
