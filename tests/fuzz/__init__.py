"""Generated requests to the API, all judged by what its OpenAPI document promises."""
