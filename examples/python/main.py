"""A Dagger module of a platform: its release is a plan and a deployment of Lockstep."""

import dagger
from dagger import dag, function, object_type


@object_type
class Shop:
    """The platform of a shop."""

    @function
    async def release(self, source: dagger.Directory, environment: str = "acc") -> int:
        """Check the source, and deploy it to an environment. Return the number of the release."""
        lockstep = dag.lockstep(source=source)
        await lockstep.check()
        return await lockstep.environment(name=environment).deploy().number()

    @function
    async def preview(self, source: dagger.Directory, environment: str = "acc") -> str:
        """Show what a deployment would change, as Markdown."""
        return await dag.lockstep(source=source).environment(name=environment).plan().markdown()
