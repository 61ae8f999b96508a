// Keeps the agent out of the Go module of rules_btf, where the pack that it embeds is not made.
module example.com/agent

go 1.25.0

require github.com/khulnasoft/rules_btf v0.0.0

replace github.com/khulnasoft/rules_btf => ../../..
