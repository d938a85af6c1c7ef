"""The merge run: squash a branch in memory, judge the merged tree with the gates, land it on the base branch."""
