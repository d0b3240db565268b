package simulated

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

func parseForm(r *http.Request) url.Values {
	_ = r.ParseForm() // what cannot be read has no action, which is answered
	return r.Form
}

// xmlElement is an XML element with a text, nothing for an empty one.
func xmlElement(name, value string) string {
	if value == "" {
		return ""
	}
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(value)) // a builder takes everything
	return "<" + name + ">" + b.String() + "</" + name + ">"
}

// xmlMembers is a list as the query protocol has it.
func xmlMembers(name string, items []string) string {
	var b strings.Builder
	b.WriteString("<" + name + ">")
	for _, item := range items {
		b.WriteString("<member>" + item + "</member>")
	}
	return b.String() + "</" + name + ">"
}

// writeResult is what the query protocol answers to an action.
func writeResult(w http.ResponseWriter, action, result string) {
	w.Header().Set("Content-Type", "text/xml")
	fmt.Fprintf(w, "<%[1]sResponse><%[1]sResult>%[2]s</%[1]sResult><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></%[1]sResponse>", action, result)
}

// writeError is an error in the query protocol.
func writeError(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "text/xml")
	w.WriteHeader(status)
	fmt.Fprintf(w, "<ErrorResponse><Error><Type>Sender</Type>%s%s</Error><RequestId>r</RequestId></ErrorResponse>", xmlElement("Code", code), xmlElement("Message", message))
}

func formatTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z")
}
