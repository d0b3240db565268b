package display

import (
	"fmt"
	"strings"
)

// Commit returns a commit's id as tables show it, with the plus sign of one whose files were changed since.
func Commit(id string) string {
	short := fmt.Sprintf("%.12s", id)
	if strings.HasSuffix(id, "+") && !strings.HasSuffix(short, "+") {
		short += "+"
	}
	return short
}
