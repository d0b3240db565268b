// Package awsrules owns what AWS services refuse: names, values and numbers of things that are only found to be wrong
// when a deployment has begun. It has a file for each service, and each rule names the page that it comes from. It
// knows nothing of configuration files or templates.
package awsrules

import "lockstep/internal/fault"

// A RefusedError is a value that a service does not accept. A function of this package returns nil for one that it
// accepts.
type RefusedError struct {
	// Problem says what is wrong.
	Problem string
	// Fix says what to write instead.
	Fix string
}

func (r *RefusedError) Error() string { return r.Problem + "; " + r.Fix }

// Code returns the code of the error.
func (r *RefusedError) Code() fault.Code { return fault.ConfigValue }
