package config

// Engine is the Dagger engine that the pipeline's jobs run their containers in.
type Engine struct {
	// Host is where an engine runs that keeps its cache, tcp://engine.example.internal:8080 for example; left out, each job starts one of its own.
	Host string `json:"host,omitempty" jsonschema:"pattern=^(tcp|unix|kube-pod|ssh)://[!-~]+$,title=the address of a Dagger engine,example=tcp://dagger.example.internal:8080"`
	// ImagePrefix is put before the name of each base image, so that it comes from a mirror.
	ImagePrefix string `json:"imagePrefix,omitempty" jsonschema:"pattern=^[a-z0-9]([a-z0-9.:_/-]*)$,title=the beginning of an image's name,example=111122223333.dkr.ecr.eu-west-1.amazonaws.com/docker-hub/library"`
}
