package deploy

import (
	"encoding/json"
	"strings"

	"lockstep/internal/deploy/assembly"
	"lockstep/internal/jsonx"
)

// countResources returns how many resources a template declares. It returns 0 if the template does not say: transforms
// and loops make resources that the text does not name.
func countResources(t assembly.Template) int {
	var sections map[string]json.RawMessage
	if jsonx.UnmarshalForeign([]byte(t.Body), &sections) != nil || sections["Transform"] != nil {
		return 0
	}
	for name := range t.Resources {
		if strings.HasPrefix(name, "Fn::") {
			return 0
		}
	}
	return len(t.Resources)
}
