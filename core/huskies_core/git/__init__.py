"""Git as Huskies uses it: `repository` runs it; `worktrees`, `making` and `removal` keep one worktree per
story; `rescue` keeps what would be lost; `squash`, `workspace` and `landing` merge; the others only look."""
