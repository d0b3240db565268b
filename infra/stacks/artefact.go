// Package stacks owns the stacks: what is deployed together. Each is made from its properties alone; none reads files
// or variables.
package stacks

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsssm"
	"github.com/aws/jsii-runtime-go"

	"lockstep/config"
)

// ArtefactProps are the properties of the artefact stack.
type ArtefactProps struct {
	Project     string
	Environment config.Environment
}

// environmentInfo is what the programs of an environment can read about it.
type environmentInfo struct {
	Name    string `json:"name"`
	Account string `json:"account"`
	Region  string `json:"region"`
	After   string `json:"after,omitempty"`
}

// AddArtefact publishes the environment's configuration as SSM parameters: one for each setting below
// /PROJECT/ENVIRONMENT, and one that describes the environment.
func AddArtefact(stack awscdk.Stack, props ArtefactProps) {
	env := props.Environment
	info, _ := json.Marshal(environmentInfo{env.Name, env.ID, env.Region, env.After}) // strings cannot fail
	// addParameter adds an SSM parameter of type String.
	addParameter(stack, "Environment", fmt.Sprintf("/%s/%s/_environment", props.Project, env.Name),
		"which environment this is", string(info))
	for _, key := range slices.Sorted(maps.Keys(env.Parameters)) {
		addParameter(stack, "Setting-"+key, fmt.Sprintf("/%s/%s/%s", props.Project, env.Name, key),
			"a setting from the configuration of "+env.Name, env.Parameters[key])
	}
}

func addParameter(stack awscdk.Stack, id, name, description, value string) {
	awsssm.NewStringParameter(stack, jsii.String(id), &awsssm.StringParameterProps{
		ParameterName: jsii.String(name), StringValue: jsii.String(value), Description: jsii.String(description),
	})
}
