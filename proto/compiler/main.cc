// A placeholder: for each x.proto an x.kin.h that includes x.pb.h, and an x.kin.cc that includes that.
#include <google/protobuf/compiler/code_generator.h>
#include <google/protobuf/compiler/plugin.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/io/printer.h>
#include <google/protobuf/io/zero_copy_stream.h>

#include <cstdint>
#include <memory>
#include <string>

namespace {

namespace pb = google::protobuf;

class Generator : public pb::compiler::CodeGenerator {
 public:
  uint64_t GetSupportedFeatures() const override { return FEATURE_PROTO3_OPTIONAL; }

  bool Generate(const pb::FileDescriptor* file, const std::string& /*parameter*/,
                pb::compiler::GeneratorContext* context, std::string* /*error*/) const override {
    const std::string base = file->name().substr(0, file->name().rfind(".proto"));
    Write(context, base + ".kin.h",
          "#pragma once\n#include \"" + base + ".pb.h\"\n#include \"kin/store/generated.h\"\n");
    Write(context, base + ".kin.cc", "#include \"" + base + ".kin.h\"\n");
    return true;
  }

 private:
  static void Write(pb::compiler::GeneratorContext* context, const std::string& name,
                    const std::string& text) {
    std::unique_ptr<pb::io::ZeroCopyOutputStream> out(context->Open(name));
    pb::io::Printer(out.get(), '$').PrintRaw(text);
  }
};

}  // namespace

int main(int argc, char** argv) {
  Generator generator;
  return pb::compiler::PluginMain(argc, argv, &generator);
}
