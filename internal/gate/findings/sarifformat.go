package findings

// The types below are the part of SARIF 2.1.0 that gates read and write. The comments give the sections of the
// standard: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html

const (
	sarifVersion = "2.1.0"
	sarifSchema  = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)

// A sarifLog is a whole file, section 3.13.
type sarifLog struct {
	Schema  string     `json:"$schema,omitempty"`
	Version string     `json:"version"`
	Runs    []sarifRun `json:"runs"`
}

// A sarifRun is one run of one tool, section 3.14.
type sarifRun struct {
	Tool        sarifTool              `json:"tool"`
	Automation  sarifAutomationDetails `json:"automationDetails,omitzero"`
	Invocations []sarifInvocation      `json:"invocations,omitempty"`
	// Results may hold null, which is no result.
	Results []*sarifResult `json:"results"`
}

type sarifTool struct {
	Driver sarifDriver `json:"driver"`
}

// A sarifDriver is the tool itself with its rules, section 3.19.
type sarifDriver struct {
	Name            string      `json:"name"`
	Version         string      `json:"version,omitempty"`
	SemanticVersion string      `json:"semanticVersion,omitempty"`
	Rules           []sarifRule `json:"rules,omitempty"`
}

// sarifAutomationDetails tells runs in one file apart, section 3.17.
type sarifAutomationDetails struct {
	ID string `json:"id,omitempty"`
}

// A sarifInvocation says how the tool ended, section 3.20.
type sarifInvocation struct {
	// Successful is nil if the tool does not say.
	Successful    *bool               `json:"executionSuccessful,omitempty"`
	Notifications []sarifNotification `json:"toolExecutionNotifications,omitempty"`
}

type sarifNotification struct {
	Level   Level        `json:"level,omitempty"`
	Message sarifMessage `json:"message"`
}

type sarifMessage struct {
	Text string `json:"text,omitempty"`
}

// A sarifRule is a reportingDescriptor, section 3.49.
type sarifRule struct {
	ID               string             `json:"id"`
	Name             string             `json:"name,omitempty"`
	ShortDescription sarifMessage       `json:"shortDescription,omitzero"`
	FullDescription  sarifMessage       `json:"fullDescription,omitzero"`
	HelpURI          string             `json:"helpUri,omitempty"`
	Configuration    sarifConfiguration `json:"defaultConfiguration,omitzero"`
	Properties       sarifProperties    `json:"properties,omitzero"`
}

type sarifConfiguration struct {
	Level Level `json:"level,omitempty"`
}

// sarifProperties are those that code scanning services read besides the standard's.
type sarifProperties struct {
	// SecuritySeverity is a score from 0 to 10, as a string or a number.
	SecuritySeverity any `json:"security-severity,omitempty"`
}

// A sarifResult is one finding, section 3.27.
type sarifResult struct {
	RuleID       string            `json:"ruleId,omitempty"`
	RuleIndex    int               `json:"ruleIndex"`
	Kind         string            `json:"kind,omitempty"`
	Level        Level             `json:"level,omitempty"`
	Message      sarifMessage      `json:"message"`
	Locations    []sarifLocation   `json:"locations,omitempty"`
	CodeFlows    []sarifCodeFlow   `json:"codeFlows,omitempty"`
	Fingerprints map[string]string `json:"partialFingerprints,omitempty"`
	// Suppressions may hold null, which suppresses nothing.
	Suppressions []*sarifSuppression `json:"suppressions,omitempty"`
}

// A sarifSuppression lets a result through, section 3.35.
type sarifSuppression struct {
	Kind          string `json:"kind"`
	Status        string `json:"status,omitempty"`
	Justification string `json:"justification,omitempty"`
}

// A sarifLocation is a place in a file, section 3.28.
type sarifLocation struct {
	Physical sarifPhysicalLocation `json:"physicalLocation,omitzero"`
}

type sarifPhysicalLocation struct {
	Artifact sarifArtifactLocation `json:"artifactLocation,omitzero"`
	Region   sarifRegion           `json:"region,omitzero"`
}

type sarifArtifactLocation struct {
	URI       string `json:"uri,omitempty"`
	URIBaseID string `json:"uriBaseId,omitempty"`
}

type sarifRegion struct {
	StartLine   int `json:"startLine,omitempty"`
	StartColumn int `json:"startColumn,omitempty"`
}

// A sarifCodeFlow is a way through the code that leads to the result, section 3.36.
type sarifCodeFlow struct {
	ThreadFlows []sarifThreadFlow `json:"threadFlows"`
}

type sarifThreadFlow struct {
	Locations []sarifThreadFlowLocation `json:"locations"`
}

type sarifThreadFlowLocation struct {
	Location sarifLocation `json:"location,omitzero"`
}
