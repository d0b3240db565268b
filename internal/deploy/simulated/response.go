package simulated

import (
	"encoding/xml"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// parseForm returns the form of a request, empty if it cannot be read.
func parseForm(r *http.Request) url.Values {
	_ = r.ParseForm() // a form that cannot be read has no action, and is answered so
	return r.Form
}

// xmlElement returns an XML element with a text, or "" for an empty text.
func xmlElement(name, value string) string {
	if value == "" {
		return ""
	}
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(value)) // writing to a builder cannot fail
	return xmlParent(name, b.String())
}

// escapeAll returns texts as they stand in XML.
func escapeAll(texts []string) []string {
	var out []string
	for _, text := range texts {
		var b strings.Builder
		_ = xml.EscapeText(&b, []byte(text)) // writing to a builder cannot fail
		out = append(out, b.String())
	}
	return out
}

// xmlElements returns the elements of pairs of a name and a text.
func xmlElements(pairs ...string) string {
	var b strings.Builder
	for pair := range slices.Chunk(pairs, 2) {
		b.WriteString(xmlElement(pair[0], pair[1]))
	}
	return b.String()
}

// xmlParent returns an XML element with a content, which is XML.
func xmlParent(name, content string) string { return "<" + name + ">" + content + "</" + name + ">" }

// xmlMembers returns a list in the query protocol.
func xmlMembers(name string, items []string) string {
	var b strings.Builder
	for _, item := range items {
		b.WriteString(xmlParent("member", item))
	}
	return xmlParent(name, b.String())
}

// writeResult answers an action in the query protocol with its result, which is XML.
func writeResult(w http.ResponseWriter, action, result string) {
	w.Header().Set("Content-Type", "text/xml")
	metadata := xmlParent("ResponseMetadata", xmlElement("RequestId", "r"))
	response := xmlParent(action+"Response", xmlParent(action+"Result", result)+metadata)
	writeText(w, response)
}

// writeError answers with an error in the query protocol.
func writeError(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "text/xml")
	w.WriteHeader(status)
	failure := xmlParent("Error", xmlElements("Type", "Sender", "Code", code, "Message", message))
	writeText(w, xmlParent("ErrorResponse", failure+xmlElement("RequestId", "r")))
}

// formatTime returns a time as AWS writes it, or "" for the zero time.
func formatTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z")
}

// writeText writes the body of an answer, whose failure the client sees.
func writeText(w http.ResponseWriter, text string) { _, _ = strings.NewReader(text).WriteTo(w) }
