package esqldocs

import "maps"

// exampleFields are the columns of the index that the examples read.
var exampleFields = map[string]string{
	"@timestamp": "date", "host.name": "keyword", "source.ip": "ip", "destination.ip": "ip", "user.name": "keyword",
	"process.name": "keyword", "process.command_line": "keyword", "process.pid": "long", "process.args": "keyword",
	"event.action": "keyword", "event.category": "keyword", "event.code": "keyword", "event.outcome": "keyword",
	"file.size": "long", "network.bytes": "long", "message": "text", "risk": "double", "agent.version": "version",
	"source.geo.location": "geo_point",
}

// ExampleFields returns the columns of logs-example, the index that the examples read, with their types. Tests create it.
func ExampleFields() map[string]string { return maps.Clone(exampleFields) }
