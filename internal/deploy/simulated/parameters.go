package simulated

import (
	"crypto/ecdsa"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// A jsonCall is what the calls of SSM and KMS have that are simulated.
type jsonCall struct {
	Name, Value, KeyId string //nolint:revive // the names of AWS
	Message            []byte
	Overwrite          bool
}

// readJSONCall returns the operation of a call and its input.
func readJSONCall(r *http.Request) (operation string, call jsonCall) {
	_, operation, _ = strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	text, _ := io.ReadAll(r.Body) // a call that is cut off has no input
	_ = json.Unmarshal(text, &call)
	return operation, call
}

func writeJSON(w http.ResponseWriter, status int, answer any) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(answer) // the client sees a failure
}

func writeJSONError(w http.ResponseWriter, code string) {
	writeJSON(w, http.StatusBadRequest, map[string]string{"__type": code, "message": code})
}

// lockstepParameters begins the names of the parameters that Lockstep itself writes.
const lockstepParameters = "/lockstep-"

// serveSSM answers a call of SSM: with the version of the bootstrap, or with what was put under a name of Lockstep's
// own.
func (c *Cloud) serveSSM(w http.ResponseWriter, r *http.Request, caller string) {
	operation, call := readJSONCall(r)
	c.mu.Lock()
	defer c.mu.Unlock()
	key := caller + call.Name
	value, exists := c.parameters[key]
	switch {
	case c.DeniesParameters:
		writeJSONError(w, "AccessDeniedException")
	case operation == "PutParameter" && exists && !call.Overwrite:
		writeJSONError(w, "ParameterAlreadyExists")
	case operation == "PutParameter":
		c.parameters[key] = call.Value
		writeJSON(w, http.StatusOK, map[string]int{"Version": 1})
	case !strings.HasPrefix(call.Name, lockstepParameters):
		writeParameter(w, call.Name, c.BootstrapVersion)
	case exists:
		writeParameter(w, call.Name, value)
	default:
		writeJSONError(w, "ParameterNotFound")
	}
}

func writeParameter(w http.ResponseWriter, name, value string) {
	writeJSON(w, http.StatusOK, map[string]any{
		"Parameter": map[string]string{"Name": name, "Type": "String", "Value": value},
	})
}

// Parameters returns the parameters that Lockstep has put, by the account and the name.
func (c *Cloud) Parameters() map[string]string { return c.parameters }

// serveKMS answers a call of KMS: with a signature of one of the keys.
func (c *Cloud) serveKMS(w http.ResponseWriter, r *http.Request, caller string) {
	operation, call := readJSONCall(r)
	key := c.SigningKeys[caller+"/"+call.KeyId]
	switch {
	case operation != "Sign":
		writeJSONError(w, "UnsupportedOperationException")
	case key == nil:
		writeJSONError(w, "NotFoundException")
	default:
		signature, err := ecdsa.SignASN1(rand.Reader, key, call.Message)
		if err != nil {
			writeJSONError(w, fmt.Sprint(err))
			return
		}
		writeJSON(w, http.StatusOK, map[string]any{"KeyId": call.KeyId, "Signature": signature})
	}
}
