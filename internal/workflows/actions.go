package workflows

import "strings"

// An Action is an action of GitHub, pinned by the commit of a version.
type Action struct {
	// Name is OWNER/NAME of its repository, and its folder there if it has one.
	Name            string
	Commit, Version string
}

// Repository returns OWNER/NAME of the action's repository.
func (a Action) Repository() string {
	parts := strings.SplitN(a.Name, "/", 3)
	return parts[0] + "/" + parts[1]
}

// uses returns the value of a step's `uses`.
func (a Action) uses() string { return a.Name + "@" + a.Commit }

// The actions that workflows use.
var (
	checkout = Action{"actions/checkout", "3d3c42e5aac5ba805825da76410c181273ba90b1", "v7.0.1"}
	// These install what the CDK app and the gates need, without a cache that a pull request could fill.
	setupGo          = Action{"actions/setup-go", "b7ad1dad31e06c5925ef5d2fc7ad053ef454303e", "v7.0.0"}
	setupJava        = Action{"actions/setup-java", "be666c2fcd27ec809703dec50e508c2fdc7f6654", "v5.2.0"}
	setupNode        = Action{"actions/setup-node", "820762786026740c76f36085b0efc47a31fe5020", "v7.0.0"}
	setupPython      = Action{"actions/setup-python", "5fda3b95a4ea91299a34e894583c3862153e4b97", "v7.0.0"}
	uploadArtifact   = Action{"actions/upload-artifact", "bbbca2ddaa5d8feaa63e36b76fdaad77386f024f", "v7.0.0"}
	downloadArtifact = Action{"actions/download-artifact", "3e5f45b2cfb9172054b4087a40e8e0b5a5461e7c", "v8.0.1"}
	uploadSARIF      = Action{"github/codeql-action/upload-sarif", "8aad20d150bbac5944a9f9d289da16a4b0d87c1e", "v4.36.2"}
	awsCredentials   = Action{
		"aws-actions/configure-aws-credentials", "e6de054238d6b7531b4efff3b6587d9aade6a06c", "v6.2.3",
	}
)

// Actions returns all of them.
func Actions() []Action {
	return []Action{
		checkout, setupGo, setupJava, setupNode, setupPython, uploadArtifact, downloadArtifact, uploadSARIF, awsCredentials,
	}
}
