package findings

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"lockstep/internal/fault"
	"lockstep/internal/fault/faulttest"
)

func TestReadJUnit_AnotherTextIsNamed(t *testing.T) {
	printed := faulttest.Printed(t)
	for _, text := range []string{"", "oops", "<html/>"} {
		_, err := ReadJUnit([]byte(text))
		assert.Equal(t, fault.GateReport, fault.CodeOf(printed.Error(err)), "%q: %v", text, err)
	}
}
