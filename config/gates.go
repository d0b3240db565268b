package config

// Gates is what the gates are told, in config/pipeline.yaml.
type Gates struct {
	// Registries are the container registries that images may come from; docker.io and registry.dagger.io unless told.
	Registries []string `json:"registries,omitempty" jsonschema:"minItems=1,uniqueItems=true,pattern=^[a-z0-9.-]+(:[0-9]+)?(/[a-z0-9._/-]+)?$,title=a registry\\, with a path where only a part of it is meant,example=public.ecr.aws,default=docker.io,default=registry.dagger.io"`
	// GoVulnerabilities is the address of the database of vulnerabilities in Go modules; https://vuln.go.dev unless told. A folder is written file:///PATH.
	GoVulnerabilities string `json:"goVulnerabilities,omitempty" jsonschema:"pattern=^(https|file)://[!-~]+$,title=an https or file address,example=https://vuln.go.dev,default=https://vuln.go.dev"`
	// OSVDatabases is the folder of downloaded OSV databases, for machines that may not ask the service of osv.dev; empty asks it. It holds osv-scalibr/ECOSYSTEM/all.zip, as osv-scanner --download-offline-databases leaves it.
	OSVDatabases string `json:"osvDatabases,omitempty" jsonschema:"minLength=1,title=a folder,example=/var/cache/osv"`
}

// EnvironmentGates is what an environment asks of the gates.
type EnvironmentGates struct {
	// MayBeAbsent are the gates without which a release may come here when they cannot be run at all. One that runs and finds something always counts.
	MayBeAbsent []string `json:"mayBeAbsent,omitempty" jsonschema:"uniqueItems=true,enum=format,enum=lint,enum=tidy,enum=markdown,enum=workflows,enum=dockerfiles,enum=waivers,enum=unit,enum=infrastructure,enum=scripts,enum=documentation,enum=coverage,enum=gosec,enum=govulncheck,enum=osv,enum=secrets,enum=history,enum=baseline,enum=images,enum=templates,title=the name of a gate,example=govulncheck"`
}
