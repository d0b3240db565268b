package config

// Engine is the Dagger engine that the jobs of the pipeline run their containers in.
type Engine struct {
	// Host is the address of an engine that keeps its cache, such as tcp://engine.example.internal:8080. Without it each
	// job starts an engine of its own.
	Host string `json:"host,omitempty" schema:"engineAddress"`
	// ImagePrefix is put before the name of each base image, so that it comes from a mirror.
	ImagePrefix string `json:"imagePrefix,omitempty" schema:"imagePrefix"`
	// Network is the network of the jobs that use the engine, for an engine that is not public. Without it jobs run in
	// the network of CodeBuild.
	Network *JobNetwork `json:"network,omitempty"`
}

// JobNetwork is a part of a VPC of the tooling account. Its subnets need a route to AWS and to dl.dagger.io.
type JobNetwork struct {
	// VPC is the id of the VPC.
	VPC string `json:"vpc" schema:"vpcID"`
	// Subnets are the ids of the subnets of the jobs.
	Subnets []string `json:"subnets" schema:"subnetID" jsonschema:"minItems=1,maxItems=16"`
	// SecurityGroups are the ids of the security groups of the jobs, which the engine's own security group has to let in.
	SecurityGroups []string `json:"securityGroups" schema:"securityGroupID" jsonschema:"minItems=1,maxItems=5"`
}
