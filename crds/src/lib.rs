//! Resource types of realmwright.dev/v1alpha1 and the schema that Kubernetes checks.
