package stages

import (
	"fmt"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/cxapi"

	"lockstep/config"
)

// Synth writes the environment's cloud assembly to the folder out and returns the errors that cdk-nag or the library
// report. The library panics on other errors.
func Synth(c *config.Config, env config.Environment, out string) ([]error, error) {
	app, err := NewApp(c, env, out)
	if err != nil {
		return nil, err
	}
	return SynthApp(app), nil
}

// SynthApp synthesises an app and returns its errors as STACK/CONSTRUCT: RULE: MESSAGE.
func SynthApp(app awscdk.App) []error {
	var findings []error
	for _, stack := range *app.Synth(nil).Stacks() {
		for _, message := range *stack.Messages() {
			//nolint:staticcheck // the type moved to a library that does not exist for Go
			if message.Level == cxapi.SynthesisMessageLevel_ERROR {
				findings = append(findings, fmt.Errorf("%s: %s", strings.TrimPrefix(*message.Id, "/"),
					oneLine(message.Entry.Data)))
			}
		}
	}
	return findings
}

// oneLine returns a text with each run of white space replaced by a space.
func oneLine(text any) string {
	return strings.Join(strings.Fields(fmt.Sprint(text)), " ")
}
