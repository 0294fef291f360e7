"""The tuner: puts the method's layer in the place of the projection, and takes it out again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from peft.tuners.tuners_utils import BaseTuner, BaseTunerLayer
from torch import nn

from wisedb.errors import UsageError
from wisedb.export.peft.config import PREFIX, MemoryConfig

if TYPE_CHECKING:
    from wisedb.export.peft.layer import MemoryLayer


class MemoryTuner(BaseTuner):  # type: ignore[misc]
    """A model with memories beside one of its projections; what ``PeftModel.base_model`` is."""

    prefix = PREFIX
    tuner_layer_cls = BaseTunerLayer
    target_module_mapping: ClassVar[dict[str, list[str]]] = {}

    def _check_new_adapter_config(self, config: MemoryConfig) -> None:
        super()._check_new_adapter_config(config)
        if not config.inference_mode:
            raise UsageError(
                "wisedb's adapters are not trained with peft",
                hint="Commit the edits to a store, and export it again. For get_peft_model say inference_mode=True.",
            )
        if not config.target_modules or len(config.target_modules) != 1:
            raise UsageError(
                "an adapter of wisedb names one module", hint="Take one that 'wisedb export --format peft' wrote."
            )
        layers = self._layers()
        if layers and layers[0].name != next(iter(config.target_modules)):
            raise UsageError(
                f"the adapters stand beside different modules: {layers[0].name}, {next(iter(config.target_modules))}",
                hint="Load them into models of their own.",
            )

    def _cast_adapter_dtype(self, adapter_name: str, autocast_adapter_dtype: bool = True) -> None:
        """Leave the tensors as they are: nothing trains them, and the memories compute in the model's dtype."""

    def _create_and_replace(
        self,
        peft_config: MemoryConfig,
        adapter_name: str,
        target: nn.Module,
        target_name: str,
        parent: nn.Module,
        current_key: str,
        parameter_name: str | None = None,
    ) -> None:
        # Only here: what the layer needs may itself be what imported peft, and registered this class.
        from wisedb.export.peft.layer import MemoryLayer

        if isinstance(target, MemoryLayer):
            target.add(adapter_name, peft_config)
            return
        layer = MemoryLayer.beside(self.model, current_key)
        try:
            layer.add(adapter_name, peft_config)
        except BaseException:
            layer.detach()
            raise
        self._replace_module(parent, target_name, layer, target)

    def _unload_and_optionally_merge(self, *args: Any, **kwargs: Any) -> nn.Module:
        layers = self._layers()
        model: nn.Module = super()._unload_and_optionally_merge(*args, **kwargs)
        for layer in layers:
            layer.detach()
        return model

    def _layers(self) -> list[MemoryLayer]:
        from wisedb.export.peft.layer import MemoryLayer

        return [module for module in self.model.modules() if isinstance(module, MemoryLayer)]
