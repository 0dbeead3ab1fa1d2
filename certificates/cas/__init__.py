"""The CAs that certificates come from: what is known of each, a workspace's accounts, and what their limits leave."""
