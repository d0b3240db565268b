package simulated

import (
	"encoding/json"
	"maps"
	"reflect"
	"strings"
	"time"
)

// A Stack is a stack as a test sees it.
type Stack struct {
	Status string
	// Body is the text of its template.
	Body string
	// Executions is how often a change set was executed on it.
	Executions int
	// ChangeSets are the names of the change sets that can be executed.
	ChangeSets []string
}

// PutStack creates a stack with a template in a status.
func (c *Cloud) PutStack(account, region, name, body, status string) {
	a := c.account(account, region)
	a.mu.Lock()
	defer a.mu.Unlock()
	s := c.newStack(a, name)
	s.body = body
	s.parameters = map[string]string{}
	s.tags = map[string]string{}
	_ = json.Unmarshal([]byte(body), &s.template) // an empty body is no template
	s.resolved = c.resolve(s.template, s.parameters)
	s.fromSSM = c.readSSM(s.template, s.parameters)
	s.setStatus(status, "")
}

// FinishStack sets the status that a stack has after a time.
func (c *Cloud) FinishStack(account, region, name, status string, after time.Duration) {
	a := c.account(account, region)
	a.mu.Lock()
	defer a.mu.Unlock()
	s := a.findStack(name)
	s.operationEnd = c.now().Add(after)
	s.finishOperation = func() {
		s.updated = c.now()
		s.setStatus(status, "")
	}
}

// RemoveStack removes a stack, as if somebody had deleted it.
func (c *Cloud) RemoveStack(account, region, name string) {
	a := c.account(account, region)
	a.mu.Lock()
	defer a.mu.Unlock()
	if s := a.findStack(name); s != nil {
		delete(a.stacks, s.id)
	}
}

// Stack returns a stack, or a zero Stack if there is none.
func (c *Cloud) Stack(account, region, name string) Stack {
	a := c.account(account, region)
	a.mu.Lock()
	defer a.mu.Unlock()
	s := a.findStack(name)
	if s == nil {
		return Stack{}
	}
	s.advance()
	out := Stack{Status: s.status, Body: s.body, Executions: s.executions}
	for _, x := range s.changeSets {
		if x.executionStatus == "AVAILABLE" && x.gone.IsZero() {
			out.ChangeSets = append(out.ChangeSets, x.name)
		}
	}
	return out
}

// Objects returns the contents of the objects in the account's bucket, by key.
func (c *Cloud) Objects(account, region string) map[string]string {
	a := c.account(account, region)
	a.mu.Lock()
	defer a.mu.Unlock()
	out := map[string]string{}
	for key, o := range a.objects {
		out[key] = string(o.data)
	}
	return out
}

// SetObject writes an object into the account's bucket, as if it had been written some time ago.
func (c *Cloud) SetObject(account, region, key, data string, age time.Duration) {
	a := c.account(account, region)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.objects[key] = object{
		data: []byte(data), etag: `"set-` + time.Now().String() + `"`, modified: time.Now().Add(-age),
	}
}

// DeleteObject deletes an object from the account's bucket.
func (c *Cloud) DeleteObject(account, region, key string) {
	a := c.account(account, region)
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.objects, key)
}

// CollectGarbage does what `cdk gc` does at its worst: it deletes every object of the staging bucket whose key, up to
// its first dot, is in no template of the account.
func (c *Cloud) CollectGarbage(account, region string) {
	a := c.account(account, region)
	a.mu.Lock()
	defer a.mu.Unlock()
	for key, o := range a.objects {
		hash, _, _ := strings.Cut(key, ".")
		isUsed := false
		for _, s := range a.stacks {
			isUsed = isUsed || strings.Contains(s.body, hash)
		}
		if !isUsed && strings.HasPrefix(o.bucket, "cdk-") {
			delete(a.objects, key)
		}
	}
}

// A StackInput is what an update of a stack gives.
type StackInput struct {
	Body                  string
	Parameters, Tags      map[string]string
	NotificationARNs      []string
	TerminationProtection bool
	Policy                string
}

// UpdateByHand updates a stack outside Lockstep: change gets what the stack has, and changes it.
func (c *Cloud) UpdateByHand(account, region, name string, change func(*StackInput)) {
	a := c.account(account, region)
	a.mu.Lock()
	defer a.mu.Unlock()
	s := a.findStack(name)
	in := StackInput{s.body, maps.Clone(s.parameters), maps.Clone(s.tags), s.topics, s.protected, s.policy}
	change(&in)
	s.body = in.Body
	s.template = nil
	_ = json.Unmarshal([]byte(in.Body), &s.template) // a template that is not JSON is kept as text
	s.parameters = in.Parameters
	s.tags = in.Tags
	s.topics = in.NotificationARNs
	s.protected = in.TerminationProtection
	s.policy = in.Policy
	s.resolved = c.resolve(s.template, s.parameters)
	s.fromSSM = c.readSSM(s.template, s.parameters)
	s.updated = c.now()
	s.setStatus("UPDATE_COMPLETE", "")
}

// A Failure is how an update failed at a resource.
type Failure struct {
	LogicalID, PhysicalID string
	Type                  string
	Reason                string
}

// PutFailure creates a stack whose update failed, and returns its ARN.
func (c *Cloud) PutFailure(account, region, name string, failure Failure) string {
	c.PutStack(account, region, name, `{"Resources":{}}`, "UPDATE_IN_PROGRESS")
	a := c.account(account, region)
	a.mu.Lock()
	defer a.mu.Unlock()
	s := a.findStack(name)
	s.addFailure(failure)
	return s.id
}

// AddFailure adds an update that failed to the events of a stack.
func (c *Cloud) AddFailure(account, region, name string, failure Failure) {
	a := c.account(account, region)
	a.mu.Lock()
	defer a.mu.Unlock()
	s := a.findStack(name)
	s.setStatus("UPDATE_IN_PROGRESS", "User Initiated")
	s.addFailure(failure)
}

func (s *stack) addFailure(failure Failure) {
	s.addEvent(failure.LogicalID, failure.Type, "UPDATE_FAILED", failure.Reason)
	s.events[len(s.events)-1].physicalID = failure.PhysicalID
	s.setStatus("UPDATE_ROLLBACK_COMPLETE", "")
}

// SameEffect reports whether two templates come to the same with the defaults of their parameters.
func (c *Cloud) SameEffect(one, other string) bool {
	var templates [2]map[string]any
	for i, body := range []string{one, other} {
		if err := json.Unmarshal([]byte(body), &templates[i]); err != nil {
			return false
		}
	}
	resolved := func(template map[string]any) map[string]any {
		parameters := map[string]string{}
		for name, declared := range section(template, "Parameters") {
			parameters[name], _ = defaultValue(declared)
		}
		return c.resolve(template, parameters)
	}
	return reflect.DeepEqual(resolved(templates[0]), resolved(templates[1]))
}
