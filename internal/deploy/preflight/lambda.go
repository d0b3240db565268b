package preflight

import (
	"fmt"
	"slices"
	"strings"

	"lockstep/internal/deploy/assembly"
)

// The limits of functions. Source: the page in lambdaQuotas.
const (
	maxEnvironmentBytes = 4096
	maxLayers           = 5
)

const (
	lambdaQuotas    = "https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"
	lambdaVariables = "https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html"
)

var lambdaRules = []Rule{
	{"Lambda", "variables that are too large together, and too many layers", lambdaQuotas, Limit, checkFunctions},
	{"Lambda", "an environment variable whose name is reserved", lambdaVariables, Check, checkVariableNames},
}

func checkFunctions(s *subject, report report) {
	s.resources("AWS::Lambda::Function", func(id string, r assembly.Resource) {
		size := 0
		for name, value := range asMap(asMap(r.Properties["Environment"])["Variables"]) {
			size += len(name)
			if text, ok := value.(string); ok && !strings.Contains(text, "{{resolve:") {
				size += len(text)
			}
		}
		if size > maxEnvironmentBytes {
			report(id, fmt.Sprintf("its environment variables have at least %d bytes together, and Lambda takes %d: "+
				"store them elsewhere and name the place here", size, maxEnvironmentBytes))
		}
		layers := 0
		for _, layer := range asList(r.Properties["Layers"]) {
			if !contains(layer, "Fn::If") { // it may be no value
				layers++
			}
		}
		if layers > maxLayers {
			report(id, fmt.Sprintf("it has %d layers, and Lambda takes %d: join some of them", layers, maxLayers))
		}
	})
}

// reservedVariables are the environment variables that Lambda sets and no function may.
var reservedVariables = []string{
	"_HANDLER", "_X_AMZN_TRACE_ID", "AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_DEFAULT_REGION", "AWS_EXECUTION_ENV",
	"AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_VERSION",
	"AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME",
	"AWS_LAMBDA_RUNTIME_API", "AWS_REGION", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "LAMBDA_RUNTIME_DIR",
	"LAMBDA_TASK_ROOT",
}

func checkVariableNames(s *subject, report report) {
	s.resources("AWS::Lambda::Function", func(id string, r assembly.Resource) {
		for _, name := range sortedKeys(asMap(asMap(r.Properties["Environment"])["Variables"])) {
			if slices.Contains(reservedVariables, name) {
				report(id, fmt.Sprintf("the environment variable %s is reserved: choose another name", name))
			}
		}
	})
}
