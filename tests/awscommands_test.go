package tests

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/tools"
)

// An awsOperation is an operation of an AWS service under the names that the AWS command line gives to its parameters.
type awsOperation struct {
	Members  []string `json:"members"`
	Required []string `json:"required"`
}

// awsOperations returns the operations of a service by their names on the command line. It is nil for an unknown
// service.
type awsOperations func(service string) map[string]awsOperation

// describeService is a program that prints the operations of a service from AWS's own models.
const describeService = `
import json, sys
import botocore.exceptions, botocore.session
from botocore import xform_name
cli = lambda name: xform_name(name, "-")
try:
    model = botocore.session.Session().get_service_model(sys.argv[1])
except botocore.exceptions.UnknownServiceError:
    print("null")
    sys.exit()
operations = {}
for name in model.operation_names:
    shape = model.operation_model(name).input_shape
    members = list(shape.members) if shape else []
    required = shape.required_members if shape else []
    operations[cli(name)] = {"members": [cli(m) for m in members], "required": [cli(m) for m in required]}
print(json.dumps(operations))
`

// readAWSModels returns the operations from the models that the emulator's folder has, which is pinned with its hash.
func readAWSModels(t *testing.T) awsOperations {
	t.Helper()
	installer, err := tools.NewInstaller(os.Environ(), func(string) {})
	require.NoError(t, err)
	dir, err := installer.Install(t.Context(), tools.Ministack)
	require.NoError(t, err)
	services := map[string]map[string]awsOperation{}
	var mu sync.Mutex
	return func(service string) map[string]awsOperation {
		mu.Lock()
		defer mu.Unlock()
		if operations, ok := services[service]; ok {
			return operations
		}
		python := exec.Command(filepath.Join(dir, tools.MinistackPython), "-c", describeService, service)
		python.Stderr = os.Stderr
		text, err := python.Output()
		require.NoError(t, err)
		var operations map[string]awsOperation
		require.NoError(t, json.Unmarshal(text, &operations))
		services[service] = operations
		return operations
	}
}

var (
	// awsGlobalFlags are the flags of all commands of the AWS command line.
	awsGlobalFlags = []string{
		"region", "profile", "output", "query", "no-cli-pager", "endpoint-url", "cli-input-json", "no-paginate",
		"max-items", "page-size", "starting-token",
	}
	// awsOwnCommands are commands of the AWS command line that are no operation of a service.
	awsOwnCommands = []string{
		"configure export-credentials", "sso login", "s3 cp", "s3 ls", "s3 mv", "s3 rm", "s3 sync",
		"cloudtrail validate-logs", "logs tail",
	}
)

// check checks the arguments of `aws`. Code in a sentence may leave out what an operation requires.
func (operations awsOperations) check(args []string, inline bool) error {
	if len(args) < 2 {
		return fmt.Errorf("aws needs a service and an operation")
	}
	if slices.Contains(awsOwnCommands, args[0]+" "+args[1]) {
		return nil
	}
	service := args[0]
	if service == "s3api" {
		service = "s3"
	}
	known := operations(service)
	operation, ok := known[args[1]]
	switch {
	case known == nil || args[0] == "s3":
		return fmt.Errorf("AWS has no service %s", args[0])
	case args[1] == "wait":
		return nil
	case !ok:
		return fmt.Errorf("%s has no operation %s", args[0], args[1])
	}
	var given []string
	for _, arg := range args[2:] {
		name, isFlag := strings.CutPrefix(arg, "--")
		if !isFlag {
			continue
		}
		name, _, _ = strings.Cut(name, "=")
		member := strings.TrimPrefix(name, "no-")
		if !slices.Contains(operation.Members, name) && !slices.Contains(operation.Members, member) &&
			!slices.Contains(awsGlobalFlags, name) {
			return fmt.Errorf("%s %s has no parameter --%s", args[0], args[1], name)
		}
		given = append(given, name)
	}
	for _, name := range operation.Required {
		if !inline && !slices.Contains(given, name) {
			return fmt.Errorf("%s %s needs --%s", args[0], args[1], name)
		}
	}
	return nil
}

func TestDocument_AWSCommandsExist(t *testing.T) {
	operations := readAWSModels(t)
	files := os.DirFS(repository)
	found := 0
	for _, p := range pages(t, files) {
		commands, err := commandsOf(p)
		require.NoError(t, err)
		for _, c := range commands {
			if c.args[0] != "aws" || c.inline && len(c.args) < 3 {
				continue
			}
			found++
			if err := operations.check(c.args[1:], c.inline); err != nil {
				assert.Fail(t, fmt.Sprintf("%s: `%s`: %v", p.name, strings.Join(c.args, " "), err))
			}
		}
	}
	assert.Greater(t, found, 5, "commands are not found")

	for command, want := range map[string]string{
		"aws iam update-access-key --access-key-id KEY --status Inactive": "",
		"aws s3api get-object --bucket b --key k out.json":                "",
		"aws s3 cp s3://b/k -": "",
		"aws cloudformation list-stacks --region eu-west-1 --query x": "",
		"aws iamm list-users":                      "AWS has no service iamm",
		"aws s3 list-buckets":                      "AWS has no service s3",
		"aws iam list-user":                        "iam has no operation list-user",
		"aws iam list-users --user-name x":         "iam list-users has no parameter --user-name",
		"aws iam update-access-key --status Valid": "iam update-access-key needs --access-key-id",
		"aws iam": "aws needs a service and an operation",
	} {
		err := operations.check(strings.Fields(command)[1:], false)
		if want == "" {
			assert.NoError(t, err, command)
		} else {
			assert.ErrorContains(t, err, want, command)
		}
	}
}

// shellCommands are the commands of the shell that runbooks use.
var shellCommands = []string{"export", "cd", "echo", "cat", "base64", "openssl", "cosign", "sed"}

// A runbook is for an account that no test has. All that it does has to be a command that exists: of this program, of
// the module, or of AWS.
func TestDocument_RunbookCommandsExist(t *testing.T) {
	operations, files := readAWSModels(t), os.DirFS(repository)
	table := commandTable{files, readModule(t, files)}
	for _, name := range []string{"README.md", "docs"} {
		for _, b := range markedBlocks(t, name) {
			assert.NoError(t, runbookProblem(operations, table, b), b)
		}
	}
	for text, want := range map[string]string{
		"export A=1\nlockstep status --live | cat":       "",
		"aws iam list-users\ndagger call deploy --env x": "",
		"aws iam list-everything":                        "has no operation",
		"lockstep status --nope":                         "has no flag",
		"kubectl get pods":                               "kubectl is not known",
	} {
		err := runbookProblem(operations, table, codeBlock{page: "page.md", language: "sh", text: text})
		if want == "" {
			assert.NoError(t, err, text)
		} else {
			assert.ErrorContains(t, err, want, text)
		}
	}
}

// runbookProblem returns what is wrong with the commands of a block, each of which has to be of a known program.
func runbookProblem(operations awsOperations, table commandTable, b codeBlock) error {
	commands, err := splitCommands(shellText(b))
	if err != nil {
		return err
	}
	for _, args := range commands {
		switch program := args[0]; {
		case program == "aws":
			err = operations.check(args[1:], false)
		case program == ".lockstep/tools/bin/vale":
			err = table.checkFiles(args[1:])
		case slices.Contains([]string{"lockstep", "go", "dagger", "make"}, program):
			err = table.problem(commandLine{args: args})
		case !slices.Contains(shellCommands, program):
			err = fmt.Errorf("%s is not known", program)
		}
		if err != nil {
			return fmt.Errorf("`%s`: %w", strings.Join(args, " "), err)
		}
	}
	return nil
}
