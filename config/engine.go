package config

// Engine is the Dagger engine that the pipeline's jobs run their containers in.
type Engine struct {
	// Host is where an engine runs that keeps its cache, tcp://engine.example.internal:8080 for example; left out, each job starts one of its own.
	Host string `json:"host,omitempty" schema:"engineAddress"`
	// ImagePrefix is put before the name of each base image, so that it comes from a mirror.
	ImagePrefix string `json:"imagePrefix,omitempty" schema:"imagePrefix"`
	// Network is where the jobs run that use it, so that they reach an engine which is not open to the world; left out, in CodeBuild's own network.
	Network *JobNetwork `json:"network,omitempty"`
}

// JobNetwork is a part of a VPC of the tooling account. Its subnets need a way out, to AWS and to the command line's archive.
type JobNetwork struct {
	// VPC is its id.
	VPC string `json:"vpc" schema:"vpcID"`
	// Subnets are those of the jobs, by id.
	Subnets []string `json:"subnets" schema:"subnetID" jsonschema:"minItems=1,maxItems=16"`
	// SecurityGroups are those of the jobs, by id: what the engine's own lets in.
	SecurityGroups []string `json:"securityGroups" schema:"securityGroupID" jsonschema:"minItems=1,maxItems=5"`
}
