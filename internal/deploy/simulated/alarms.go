package simulated

import (
	"fmt"
	"net/http"
	"time"
)

// An Alarm is an alarm of CloudWatch.
type Alarm struct {
	State, Reason string
	// Since is when it came to its state.
	Since time.Time
}

// SetAlarm sets an alarm's state. The name is the logical id of its resource.
func (c *Cloud) SetAlarm(account, region, name string, alarm Alarm) {
	a := c.account(account, region)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.alarms[name] = alarm
}

// serveCloudWatch answers DescribeAlarms.
func serveCloudWatch(a *account, w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	form := parseForm(r)
	if action := form.Get("Action"); action != "DescribeAlarms" {
		writeError(w, http.StatusBadRequest, "InvalidAction", action)
		return
	}
	var out []string
	for n := 1; ; n++ {
		name := form.Get(fmt.Sprintf("AlarmNames.member.%d", n))
		if name == "" {
			break
		}
		if alarm, ok := a.alarms[name]; ok && alarm.State == form.Get("StateValue") {
			out = append(out, xmlElements("AlarmName", name, "StateValue", alarm.State, "StateReason", alarm.Reason,
				"StateUpdatedTimestamp", formatTime(alarm.Since), "StateTransitionedTimestamp", formatTime(alarm.Since)))
		}
	}
	writeResult(w, "DescribeAlarms", xmlMembers("MetricAlarms", out))
}
