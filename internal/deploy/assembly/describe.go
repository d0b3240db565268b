package assembly

import "strings"

// DescribeResource returns the logical id of a resource with its type and its construct, as far as they are known, in
// parentheses.
func DescribeResource(logicalID, resourceType, construct string) string {
	var details []string
	for _, detail := range []string{resourceType, construct} {
		if detail != "" {
			details = append(details, detail)
		}
	}
	if len(details) == 0 {
		return logicalID
	}
	return logicalID + " (" + strings.Join(details, ", ") + ")"
}
