module github.com/llmagg/llmagg

go 1.25.0
