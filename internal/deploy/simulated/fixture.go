package simulated

import (
	"encoding/json"
	"time"
)

// A Stack is how a test sees one.
type Stack struct {
	Status, Body string
	// Executions counts how often a change set was executed on it, and Sets the change sets that it holds.
	Executions int
	ChangeSets []string
}

// PutStack makes a stack with a template in a state. One that ends in _IN_PROGRESS comes to the other state after a
// while.
func (c *Cloud) PutStack(account, region, name, body, status, then string, after time.Duration) {
	a := c.account(account, region)
	a.mu.Lock()
	defer a.mu.Unlock()
	s := a.newStack(name)
	s.body, s.parameters, s.tags = body, map[string]string{}, map[string]string{}
	_ = json.Unmarshal([]byte(body), &s.template) // an empty body is no template
	s.setStatus(status, "")
	if then != "" {
		s.operationEnd, s.finishOperation = time.Now().Add(after), func() {
			s.updated = time.Now()
			s.setStatus(then, "")
		}
	}
}

// Stack is the stack of that name; the zero one if there is none.
func (c *Cloud) Stack(account, region, name string) Stack {
	a := c.account(account, region)
	a.mu.Lock()
	defer a.mu.Unlock()
	s := a.findStack(name)
	if s == nil {
		return Stack{}
	}
	out := Stack{Status: s.status, Body: s.body, Executions: s.executions}
	for _, x := range s.changeSets {
		if x.executionStatus == "AVAILABLE" {
			out.ChangeSets = append(out.ChangeSets, x.name)
		}
	}
	return out
}

// Objects are the keys in the account's bucket, and Object is what is there under one.
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

// SetObject writes into the account's bucket behind everybody's back. Aged is how long ago that was.
func (c *Cloud) SetObject(account, region, key, data string, aged time.Duration) {
	a := c.account(account, region)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.objects[key] = object{[]byte(data), `"set-` + time.Now().String() + `"`, time.Now().Add(-aged)}
}
