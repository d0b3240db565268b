package config

// Engine is the Dagger engine that the pipeline's jobs run their containers in.
type Engine struct {
	// Host is where an engine runs that keeps its cache, tcp://engine.example.internal:8080 for example; left out, each job starts one of its own.
	Host string `json:"host,omitempty" jsonschema:"pattern=^(tcp|unix|kube-pod|ssh)://[!-~]+$,title=the address of a Dagger engine,example=tcp://dagger.example.internal:8080"`
	// ImagePrefix is put before the name of each base image, so that it comes from a mirror.
	ImagePrefix string `json:"imagePrefix,omitempty" jsonschema:"pattern=^[a-z0-9]([a-z0-9.:_/-]*)$,title=the beginning of an image's name,example=111122223333.dkr.ecr.eu-west-1.amazonaws.com/docker-hub/library"`
	// Network is where the jobs run that use it, so that they reach an engine which is not open to the world; left out, in CodeBuild's own network.
	Network *JobNetwork `json:"network,omitempty"`
}

// JobNetwork is a part of a VPC of the tooling account. Its subnets need a way out, to AWS and to the command line's archive.
type JobNetwork struct {
	// VPC is its id.
	VPC string `json:"vpc" jsonschema:"pattern=^vpc-[0-9a-f]{8\\,17}$,title=the id of a VPC,example=vpc-0123456789abcdef0"`
	// Subnets are those of the jobs, by id.
	Subnets []string `json:"subnets" jsonschema:"minItems=1,maxItems=16,uniqueItems=true,pattern=^subnet-[0-9a-f]{8\\,17}$,title=the id of a subnet,example=subnet-0123456789abcdef0"`
	// SecurityGroups are those of the jobs, by id: what the engine's own lets in.
	SecurityGroups []string `json:"securityGroups" jsonschema:"minItems=1,maxItems=5,uniqueItems=true,pattern=^sg-[0-9a-f]{8\\,17}$,title=the id of a security group,example=sg-0123456789abcdef0"`
}
